// A job: its workers on its hosts, from start to end.
#include "tools/launcher/job.h"

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>
#include <utility>

#include "core/error.h"
#include "parallel/processes/exit_status.h"
#include "parallel/processes/signal_catcher.h"
#include "parallel/processes/spawn.h"
#include "tools/launcher/cause.h"
#include "tools/launcher/connection.h"
#include "tools/launcher/job_variables.h"
#include "tools/launcher/output.h"

namespace convoy {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kTickMs = 50;
constexpr auto kPingEvery = std::chrono::seconds(5);
constexpr auto kConnectWithin = std::chrono::seconds(60);
constexpr auto kCloseWithin = std::chrono::seconds(10);
constexpr int kLostStatus = 255;  // as ssh's

// By the kernel or by somebody else, not by itself when it gave up (SIGABRT).
bool WasKilled(int status) {
  constexpr std::array kSignals = {SIGKILL, SIGSEGV, SIGBUS, SIGILL, SIGFPE};
  return WIFSIGNALED(status) &&
         std::find(kSignals.begin(), kSignals.end(), WTERMSIG(status)) != kSignals.end();
}

struct WorkerView {
  Connection* host = nullptr;
  std::string pid;
  bool ended = false;
  LinePrefixer out, err;
};

class Job {
 public:
  explicit Job(const JobOptions& options) : options_(options), shares_(ShareWorkers(options)) {
    for (const HostShare& share : shares_) {
      connections_.push_back(std::make_unique<Connection>(share.host, options));
      for (const int rank : share.ranks) {
        const std::string prefix = fmt::format("[{}] ", rank);
        workers_.push_back({.host = connections_.back().get(),
                            .out = LinePrefixer(prefix),
                            .err = LinePrefixer(prefix)});
      }
    }
  }

  int Run() {
    const Clock::time_point begin = Clock::now();
    while (!AllConnectionsEnded()) {
      PassSignals();
      Poll();
      if (!started_ && !closing_) {
        if (AllGreeted()) StartAll();
        if (Clock::now() - begin > kConnectWithin) FailToConnect();
      }
      Ping();
      EndWorkers();
      if (closing_ && Clock::now() - *closing_ > kCloseWithin) break;
    }
    return Report();
  }

 private:
  bool AllGreeted() const {
    return std::all_of(connections_.begin(), connections_.end(),
                       [](const auto& connection) { return connection->greeted(); });
  }
  bool AllConnectionsEnded() const {
    return std::all_of(connections_.begin(), connections_.end(),
                       [](const auto& connection) { return connection->ended(); });
  }
  bool AllWorkersEnded() const {
    return std::all_of(workers_.begin(), workers_.end(),
                       [](const WorkerView& worker) { return worker.ended; });
  }

  void SendAll(const Frame& frame) {
    for (const auto& connection : connections_) connection->Send(frame);
  }

  void Close() {
    for (const auto& connection : connections_) connection->Close();
    if (!closing_) closing_ = Clock::now();
  }

  void StartAll() {
    started_ = true;
    const std::vector<std::string> common =
        JobVariables({.workers = options_.workers,
                      .hosts = static_cast<int>(connections_.size()),
                      .first_host = connections_[0]->name(),
                      .port = options_.port > 0 ? options_.port : connections_[0]->port});
    char folder[4096];
    CONVOY_CHECK(getcwd(folder, sizeof(folder)) != nullptr,
                 "[tools/launch] cannot find the current folder: {}", std::strerror(errno));
    for (size_t i = 0; i < connections_.size(); ++i) {
      StartOrder order{
          .folder = folder, .command = options_.command, .env = common, .ranks = shares_[i].ranks};
      order.env.push_back(fmt::format("GROUP_RANK={}", i));
      for (const std::string& name : options_.env) {
        const char* value = std::getenv(name.c_str());
        if (value != nullptr) order.env.push_back(name + "=" + value);
      }
      connections_[i]->Send({FrameKind::kStart, 0, Encode(order)});
    }
  }

  void FailToConnect() {
    for (const auto& connection : connections_) {
      if (!connection->greeted()) CannotReach(*connection, "no answer within a minute");
    }
  }

  [[noreturn]] void CannotReach(const Connection& connection, const std::string& how) {
    const std::string words = connection.last_words();
    Fail(
        "[tools/launch] expected to reach host '{}', got {}{}{}; see that `ssh -o BatchMode=yes {} "
        "true` works without a password and that this build lies under the same path there",
        connection.name(), how, words.empty() ? "" : ": ", words, connection.name());
  }

  void PassSignals() {
    while (const int signal = signals_.Take()) {
      const bool again = signal == SIGINT && signal_ == SIGINT;
      signal_ = signal;
      if (!started_ || again) {
        Close();
      } else {
        SendAll({FrameKind::kSignal, signal, ""});
      }
    }
  }

  void Poll() {
    std::vector<pollfd> fds;
    std::vector<Connection*> owners;
    for (const auto& connection : connections_) {
      for (const int fd : {connection->from(), connection->errors()}) {
        if (fd < 0) continue;
        fds.push_back({fd, POLLIN, 0});
        owners.push_back(connection.get());
      }
    }
    if (poll(fds.data(), fds.size(), kTickMs) <= 0) return;
    for (size_t i = 0; i < fds.size(); ++i) {
      if (fds[i].revents == 0) continue;
      if (fds[i].fd == owners[i]->errors()) {
        owners[i]->ReadErrors();
      } else {
        owners[i]->ReadFrames();
        while (const std::optional<Frame> frame = owners[i]->Next()) Handle(*owners[i], *frame);
        if (owners[i]->ended()) {
          owners[i]->ReadLastErrors();
          HasEnded(*owners[i]);
          return;  // the descriptors after it may be closed by now
        }
      }
    }
  }

  void Handle(Connection& host, const Frame& frame) {
    if (frame.kind == FrameKind::kHello) {
      host.port = frame.value;
      return;
    }
    if (frame.kind == FrameKind::kRefused) {
      cause_.Add(
          {fmt::format("[tools/launch] host '{}': {}", host.name(), frame.text), frame.value});
      Close();
      return;
    }
    const size_t rank = static_cast<size_t>(frame.value);
    CONVOY_CHECK(rank < workers_.size() && workers_[rank].host == &host,
                 "[tools/launch] expected words of a worker of host '{}', got them of {}",
                 host.name(), frame.value);
    WorkerView& worker = workers_[rank];
    switch (frame.kind) {
      case FrameKind::kStarted:
        worker.pid = frame.text;
        break;
      case FrameKind::kOut:
        Show(STDOUT_FILENO, frame.text, worker.out);
        break;
      case FrameKind::kErr:
        Show(STDERR_FILENO, frame.text, worker.err);
        break;
      case FrameKind::kEnded:
        HasEnded(frame.value, std::atoi(frame.text.c_str()));
        break;
      default:
        Fail("[tools/launch] expected words of an agent from host '{}', got others", host.name());
    }
  }

  void Show(int fd, const std::string& bytes, LinePrefixer& lines) {
    const std::string whole = lines.Feed(bytes);
    Write(fd, options_.prefix ? whole : bytes);
  }

  void Write(int fd, const std::string& text) {
    // Like a program that SIGPIPE ends: who reads no more wants no more work.
    if (WriteAll(fd, text, [this] { PassSignals(); }) || fd != STDOUT_FILENO) return;
    cause_.Add({"", 128 + SIGPIPE});
  }

  void HasEnded(int rank, int status) {
    WorkerView& worker = workers_[static_cast<size_t>(rank)];
    worker.ended = true;
    for (const auto& [fd, lines] :
         {std::pair{STDOUT_FILENO, &worker.out}, {STDERR_FILENO, &worker.err}}) {
      const std::string last = lines->Finish();
      if (options_.prefix) Write(fd, last);
    }
    if (status == 0) return;
    if (signal_ != 0 && WIFEXITED(status) && ShellStatus(status) == SignalStatus(signal_)) {
      stopped_ = SignalStatus(signal_);  // as it was asked to; the others may still be saving
      return;
    }
    if (signal_ != 0 && WIFSIGNALED(status)) {
      cause_.Add({fmt::format("[tools/launch] the workers were sent signal {} ({})", signal_,
                              strsignal(signal_)),
                  ShellStatus(status)});
      return;
    }
    const int signal = ShellStatus(status) - SignalStatus(0);
    const bool stopped = WIFEXITED(status) && (signal == SIGINT || signal == SIGTERM);
    cause_.Add(
        {fmt::format(
             "[tools/launch] worker {} of {} {} first (host {}, pid {}): it {}{}", rank,
             options_.workers, stopped ? "stopped" : "failed", worker.host->name(), worker.pid,
             DescribeEnd(status),
             stopped ? fmt::format(", as after signal {} ({})", signal, strsignal(signal)) : ""),
         ShellStatus(status), WasKilled(status), stopped ? -1 : rank});
  }

  // What worker `rank` said of its failure. It may have left that to another one: to one that names
  // it, or to one that says why the whole run has failed.
  std::string LastWords(int rank, bool killed) const {
    const std::string own = workers_[static_cast<size_t>(rank)].err.last_message();
    if (!own.empty()) return "; it said: " + own;
    for (const std::string& sign :
         {fmt::format("[worker {} of {}]", rank, options_.workers), std::string("[worker ")}) {
      for (size_t other = 0; other < workers_.size(); ++other) {
        const std::string said = workers_[other].err.last_message();
        if (said.find(sign) != said.npos) return fmt::format("; worker {} said: {}", other, said);
      }
      if (killed) break;  // which the others can only confirm
    }
    return {};
  }

  void HasEnded(Connection& host) {
    if (closing_) return;
    if (!host.greeted()) CannotReach(host, "no agent");
    for (size_t rank = 0; rank < workers_.size(); ++rank) {
      if (workers_[rank].host != &host || workers_[rank].ended) continue;
      workers_[rank].ended = true;
      const std::string words = host.last_words();
      cause_.Add(
          {fmt::format("[tools/launch] worker {} of {} was lost with the connection to host "
                       "'{}'{}{}",
                       rank, options_.workers, host.name(), words.empty() ? "" : ": ", words),
           kLostStatus});
    }
  }

  void Ping() {
    if (Clock::now() - pinged_ < kPingEvery) return;
    pinged_ = Clock::now();
    for (const auto& connection : connections_) {
      if (connection->remote() && started_) connection->Send({.kind = FrameKind::kPing});
    }
  }

  // Ends the others some time after one has failed; all that is left once all have ended.
  void EndWorkers() {
    if (started_ && !closing_ && AllWorkersEnded()) Close();
    if (!cause_.since() || closing_) return;
    // One that is stopped (SIGSTOP) could neither hear of the failure nor end by itself.
    if (!std::exchange(woken_, true)) SendAll({FrameKind::kSignal, SIGCONT, ""});
    const auto timeout = std::chrono::duration<double>(options_.timeout_s);
    const Clock::time_point now = Clock::now();
    if (!ending_ && now - *cause_.since() >= timeout) {
      for (const int signal : {SIGTERM, SIGCONT}) SendAll({FrameKind::kSignal, signal, ""});
      ending_ = now;
      cause_.Settle();
    } else if (ending_ && now - *ending_ >= timeout) {
      Close();
    }
  }

  int Report() {
    for (const auto& connection : connections_) connection->Kill();
    if (cause_.since()) {
      const Cause& cause = cause_.cause();
      const std::string words = cause.rank < 0 ? "" : LastWords(cause.rank, cause.killed);
      if (!cause.text.empty()) WriteAll(STDERR_FILENO, "error: " + cause.text + words + "\n");
      return cause.status;
    }
    return AllWorkersEnded() ? stopped_ : SignalStatus(signal_);
  }

  const JobOptions& options_;
  const std::vector<HostShare> shares_;
  // Before anything is started: none is lost then.
  SignalCatcher signals_{{SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2}, /*restart=*/false};
  std::vector<std::unique_ptr<Connection>> connections_;
  std::vector<WorkerView> workers_;  // by rank
  bool started_ = false;
  int signal_ = 0;   // the last one that was passed on
  int stopped_ = 0;  // the status of workers that stopped early on it
  FirstCause cause_;
  bool woken_ = false;                        // since then
  std::optional<Clock::time_point> ending_;   // since SIGTERM
  std::optional<Clock::time_point> closing_;  // since the agents were told to end everything
  Clock::time_point pinged_;
};

}  // namespace

int RunJob(const JobOptions& options) {
  signal(SIGPIPE, SIG_IGN);
  return Job(options).Run();
}

}  // namespace convoy
