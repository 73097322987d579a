// Progress: the line, and when it is due.
#include "models/trainers/common/progress.h"

#include <fmt/core.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "core/base/number_text.h"
#include "core/base/print.h"
#include "core/base/printable.h"

namespace convoy {
namespace {

constexpr std::chrono::milliseconds kRewriteEvery{100};
constexpr std::chrono::seconds kPlainEvery{10};

size_t TerminalColumns() {
  winsize size = {};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return size.ws_col;
}

}  // namespace

Progress::Progress(int64_t steps, bool show)
    : steps_(steps), show_(show), terminal_(isatty(STDOUT_FILENO) == 1) {}

Progress::~Progress() { EndLine(); }

void Progress::EndLine() {
  if (!line_open_) return;
  std::fputc('\n', stdout);
  std::fflush(stdout);
  line_open_ = false;
}

std::string Progress::Line(const StepMetrics& metrics, double seconds_left) const {
  const bool tokens = metrics.tokens_per_s.has_value();
  return fmt::format(
      "step {:>{}}/{}  loss {:.4f}  lr {:.2e}  norm {:.3f}  {:.1f} ms/step  {} {}/s  {} left",
      metrics.step, fmt::formatted_size("{}", steps_), steps_, metrics.loss, metrics.lr,
      metrics.grad_norm, ms_ / static_cast<double>(taken_),
      WithCommas(static_cast<int64_t>(1e3 * (tokens ? tokens_ : samples_) / ms_)),
      tokens ? "tokens" : "samples", Duration(seconds_left));
}

void Progress::Show(const StepMetrics& metrics, double seconds_left) {
  if (!show_) return;
  ++taken_;
  ms_ += metrics.step_ms;
  samples_ += metrics.samples_per_s * metrics.step_ms / 1e3;
  tokens_ += metrics.tokens_per_s.value_or(0) * metrics.step_ms / 1e3;
  const Clock::time_point now = Clock::now();
  const bool last = metrics.step == steps_;
  if (terminal_) {
    if (line_open_ && !last && now - last_ < kRewriteEvery) return;
    std::string line = Line(metrics, seconds_left);
    line.resize(
        std::min(line.size(), TerminalColumns() - 1));  // a wrapped line cannot be rewritten
    PrintTo(stdout, "\r\033[K{}", line);
    line_open_ = true;
  } else {
    if (metrics.step < next_step_ && !last && now - last_ < kPlainEvery) return;
    PrintTo(stdout, "{}\n", Line(metrics, seconds_left));
    const int64_t tenth = std::max<int64_t>(1, steps_ / 10);
    next_step_ = (metrics.step / tenth + 1) * tenth;
  }
  std::fflush(stdout);
  last_ = now;
  taken_ = 0;
  ms_ = samples_ = tokens_ = 0;
}

void Progress::Print(const StepMetrics& metrics) {
  std::string line =
      fmt::format("step {:>{}}/{}  validation loss {:.4f}", metrics.step,
                  fmt::formatted_size("{}", steps_), steps_, metrics.evaluation->loss);
  if (metrics.evaluation->accuracy) {
    line += fmt::format("  accuracy {:.2f}%", 100 * *metrics.evaluation->accuracy);
  }
  Print(line);
}

void Progress::Print(const std::string& line) {
  if (!show_) return;
  EndLine();
  PrintTo(stdout, "{}\n", PrintableText(line));
  std::fflush(stdout);
}

}  // namespace convoy
