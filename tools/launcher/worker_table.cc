// What the launcher knows of its workers.
#include "tools/launcher/worker_table.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <optional>
#include <utility>

#include "core/base/error.h"
#include "core/base/exit_status.h"
#include "core/base/printable.h"
#include "parallel/launch/supervise/spawn.h"

namespace convoy::launcher {
namespace {

constexpr int kLostStatus = 255;  // as ssh's
constexpr size_t kMaxShown = 80;

std::optional<int> ParseNumber(const std::string& text) {
  int number = 0;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number);
  return error == std::errc() && rest == end ? std::optional(number) : std::nullopt;
}

}  // namespace

void WorkerTable::Add(const Connection& host) {
  const std::string prefix = fmt::format("[{}] ", workers_.size());
  workers_.push_back({.host = &host, .out = LinePrefixer(prefix), .err = LinePrefixer(prefix)});
}

bool WorkerTable::all_ended() const {
  return std::all_of(workers_.begin(), workers_.end(),
                     [](const View& worker) { return worker.ended; });
}

void WorkerTable::Hear(const Connection& host, const Message& message, int signal) {
  const size_t rank = static_cast<size_t>(message.value);
  CONVOY_CHECK(rank < workers_.size() && workers_[rank].host == &host,
               "[tools/launch] host '{}' reported on worker {}, which does not run there",
               host.name(), message.value);
  View& worker = workers_[rank];
  switch (message.kind) {
    case MessageKind::kStarted: {
      const std::optional<int> pid = ParseNumber(message.text);
      CONVOY_CHECK(pid && *pid > 0,
                   "[tools/launch] expected a process id of worker {} from host '{}', got '{}'",
                   rank, host.name(), PrintableStart(message.text, kMaxShown));
      worker.pid = message.text;
      break;
    }
    case MessageKind::kOut:
      Show(STDOUT_FILENO, message.text, worker.out);
      break;
    case MessageKind::kErr:
      Show(STDERR_FILENO, message.text, worker.err);
      break;
    case MessageKind::kEnded: {
      const std::optional<int> status = ParseNumber(message.text);
      CONVOY_CHECK(status && (WIFEXITED(*status) || WIFSIGNALED(*status)),
                   "[tools/launch] expected the status of worker {} from host '{}', got '{}'", rank,
                   host.name(), PrintableStart(message.text, kMaxShown));
      CONVOY_CHECK(!worker.ended, "[tools/launch] host '{}' reported the end of worker {} twice",
                   host.name(), rank);
      HasEnded(message.value, *status, signal);
      break;
    }
    default:
      Fail("[tools/launch] host '{}' sent a message that only the launcher sends", host.name());
  }
}

void WorkerTable::Show(int fd, const std::string& bytes, LinePrefixer& lines) {
  const std::string whole = lines.Feed(bytes);
  output_.Add(fd, prefix_ ? whole : bytes);
}

void WorkerTable::HasEnded(int rank, int status, int signal) {
  View& worker = workers_[static_cast<size_t>(rank)];
  worker.ended = true;
  for (const auto& [fd, lines] :
       {std::pair{STDOUT_FILENO, &worker.out}, {STDERR_FILENO, &worker.err}}) {
    const std::string last = lines->Finish();
    if (prefix_) output_.Add(fd, last);
  }
  if (status == 0) return;
  if (signal != 0 && WIFEXITED(status) && launch::ShellStatus(status) == SignalStatus(signal)) {
    stopped_ = SignalStatus(signal);  // the others may still be saving
    return;
  }
  if (signal != 0 && WIFSIGNALED(status)) {
    cause_.Add({fmt::format("[tools/launch] the workers were sent signal {} ({})", signal,
                            strsignal(signal)),
                launch::ShellStatus(status)});
    return;
  }
  const int own = launch::ShellStatus(status) - SignalStatus(0);
  const bool stopped = WIFEXITED(status) && (own == SIGINT || own == SIGTERM);
  cause_.Add(
      {fmt::format("[tools/launch] worker {} of {} {} first (host {}, pid {}): it {}{}", rank,
                   workers_.size(), stopped ? "stopped" : "failed", worker.host->name(), worker.pid,
                   launch::DescribeEnd(status),
                   stopped ? fmt::format(", as after signal {} ({})", own, strsignal(own)) : ""),
       launch::ShellStatus(status), launch::WasKilled(status), stopped ? -1 : rank});
}

void WorkerTable::Lose(const Connection& host) {
  for (size_t rank = 0; rank < workers_.size(); ++rank) {
    if (workers_[rank].host != &host || workers_[rank].ended) continue;
    workers_[rank].ended = true;
    const std::string words = host.last_words();
    cause_.Add(
        {fmt::format("[tools/launch] worker {} of {} was lost with the connection to host '{}'{}{}",
                     rank, workers_.size(), host.name(), words.empty() ? "" : ": ", words),
         kLostStatus});
  }
}

std::string WorkerTable::LastWords(int rank, bool killed) const {
  const std::string own = workers_[static_cast<size_t>(rank)].err.last_message();
  if (!own.empty()) return "; it said: " + own;
  for (const std::string& sign :
       {fmt::format("[worker {} of {}]", rank, workers_.size()), std::string("[worker ")}) {
    for (size_t other = 0; other < workers_.size(); ++other) {
      const std::string said = workers_[other].err.last_message();
      if (said.find(sign) != said.npos) return fmt::format("; worker {} said: {}", other, said);
    }
    if (killed) break;  // which the others can only confirm
  }
  return {};
}

}  // namespace convoy::launcher
