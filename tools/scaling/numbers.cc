// Figures of a scaling report as people read them.
#include "tools/scaling/numbers.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/base/number_text.h"
#include "tools/scaling/spread.h"

namespace convoy {
namespace {

// Puts commas between the thousands of "-1234.5".
std::string Grouped(const std::string& plain) {
  const size_t sign = plain.starts_with('-') ? 1 : 0;
  const size_t point = std::min(plain.find('.'), plain.size());
  std::string text;
  for (size_t i = 0; i < plain.size(); ++i) {
    if (i > sign && i < point && (point - i) % 3 == 0) text += ',';
    text += plain[i];
  }
  return text;
}

bool BeginsCodePoint(char byte) { return (static_cast<unsigned char>(byte) & 0xC0) != 0x80; }

}  // namespace

int Decimals(std::span<const double> values) {
  double largest = 0;
  for (const double value : values) {
    if (std::isfinite(value)) largest = std::max(largest, std::abs(value));
  }
  if (largest >= 1000) return 0;
  if (largest >= 100) return 1;
  return largest >= 1 ? 2 : 3;
}

std::string Fixed(double value, int decimals) {
  if (!std::isfinite(value)) return "-";
  // 1e15 and more have no room in a table, and no meaning as milliseconds.
  if (std::abs(value) >= 1e15) return fmt::format("{:.3e}", value);
  std::string text = fmt::format("{:.{}f}", value, decimals);
  if (text.find_first_not_of("-0.") == std::string::npos && text[0] == '-') text.erase(0, 1);
  return Grouped(text);
}

std::string Figure(double value) { return Fixed(value, Decimals(std::span(&value, 1))); }

std::string Percent(double share) {
  return std::isfinite(share) ? Fixed(100 * share, 1) + "%" : "-";
}

std::string ByteText(int64_t bytes) {
  if (bytes < 1024) return fmt::format("{} B", bytes);
  const double mebibytes = static_cast<double>(bytes) / (1 << 20);
  return mebibytes < 1024 ? Bytes(bytes) : fmt::format("{:.1f} GiB", mebibytes / 1024);
}

std::string Workers(int workers) {
  return WithCommas(workers) + (workers == 1 ? " worker" : " workers");
}

size_t Length(const std::string& text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), BeginsCodePoint));
}

std::string Cut(const std::string& text, size_t columns) {
  if (Length(text) <= columns) return text;
  const size_t kept = columns > 3 ? columns - 3 : 0;
  size_t end = 0, seen = 0;
  while (end < text.size() && (seen < kept || !BeginsCodePoint(text[end]))) {
    seen += BeginsCodePoint(text[end]) ? 1 : 0;
    ++end;
  }
  return text.substr(0, end) + std::string("...").substr(0, columns);
}

Spread EfficiencySpread(const Measurement& m) {
  return {.median = m.efficiency,
          .low = m.efficiency * m.step.median / m.step.high,
          .high = m.efficiency * m.step.median / m.step.low};
}

SlowWorker SlowestOf(const Measurement& m) {
  SlowWorker slow;
  if (m.workers < 2) return slow;
  std::vector<double> others;
  for (const WorkerTimes& worker : m.by_worker) {
    if (worker.rank != m.slowest) {
      others.push_back(worker.compute);
      continue;
    }
    slow.rank = worker.rank;
    slow.compute = worker.compute;
    slow.late = worker.late;
  }
  if (!others.empty()) slow.typical = Median(others);
  return slow;
}

}  // namespace convoy
