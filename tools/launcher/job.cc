// A job: its workers on its hosts, from start to end.
#include "tools/launcher/job.h"

#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <memory>
#include <optional>
#include <utility>

#include "core/base/error.h"
#include "core/base/exit_status.h"
#include "core/base/printable.h"
#include "parallel/launch/supervise/signal_catcher.h"
#include "tools/launcher/awake_clock.h"
#include "tools/launcher/cause.h"
#include "tools/launcher/connection.h"
#include "tools/launcher/output_queue.h"
#include "tools/launcher/start_orders.h"
#include "tools/launcher/worker_table.h"

namespace convoy {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kTickMs = 50;
constexpr auto kPingEvery = std::chrono::seconds(5);  // or a tenth of the silence allowed
constexpr auto kConnectWithin = std::chrono::seconds(60);
constexpr auto kCloseWithin = std::chrono::seconds(10);
constexpr auto kLastOutputWithin = std::chrono::seconds(1);  // of a job that was killed
constexpr size_t kMaxOutput = 16 << 20;  // beyond, the agents have to wait with theirs
constexpr size_t kMaxShown = 1000;
constexpr int kMaxPort = 65535;

class Job {
 public:
  explicit Job(const JobOptions& options) : options_(options), shares_(ShareWorkers(options)) {
    for (const HostShare& share : shares_) {
      connections_.push_back(std::make_unique<Connection>(share.host, options, output_));
      for (size_t i = 0; i < share.ranks.size(); ++i) workers_.Add(*connections_.back());
    }
  }

  int Run() {
    while (!AllConnectionsEnded()) {
      clock_.Tick();
      PassSignals();
      Poll();
      CheckOutput();
      if (!started_ && !closing_) {
        if (AllGreeted()) {
          StartAll();
        } else if (clock_.now() > kConnectWithin) {
          FailToConnect();
        }
      }
      Ping();
      EndWorkers();
      if (closing_ && clock_.now() - *closing_ > kCloseWithin) break;
    }
    return Report();
  }

  /// After an error: ends all workers, and writes what they have said.
  void Abandon() {
    Close();
    Drain();
  }

 private:
  bool AllGreeted() const {
    return std::all_of(connections_.begin(), connections_.end(),
                       [](const auto& connection) { return connection->port.has_value(); });
  }
  bool AllConnectionsEnded() const {
    return std::all_of(connections_.begin(), connections_.end(),
                       [](const auto& connection) { return connection->ended(); });
  }
  void SendAll(const Frame& frame) {
    for (const auto& connection : connections_) connection->Send(frame);
  }

  void Close() {
    for (const auto& connection : connections_) connection->Close();
    if (!closing_) closing_ = clock_.now();
  }

  void StartAll() {
    started_ = true;
    const std::vector<StartOrder> orders =
        MakeOrders(options_, shares_, connections_[0]->name(), connections_[0]->port.value_or(0));
    for (size_t i = 0; i < connections_.size(); ++i) {
      connections_[i]->Send({FrameKind::kStart, 0, Encode(orders[i])});
    }
  }

  void FailToConnect() {
    for (const auto& connection : connections_) {
      if (!connection->port) connection->FailToReach("no answer within a minute");
    }
  }

  void PassSignals() {
    while (const int signal = signals_.Take()) {
      const bool again = signal == SIGINT && signal_ == SIGINT;
      give_up_ |= signal != SIGUSR1 && signal != SIGUSR2 && output_.full();
      signal_ = signal;
      if (!started_ || again) {
        killed_ = true;
        Close();
      } else {
        SendAll({FrameKind::kSignal, signal, ""});
      }
    }
  }

  // What is said while nobody takes the output is too much: by workers that are being killed, and
  // after a signal that ends them, so that their end is heard.
  bool DropsOutput() const { return closing_ || give_up_; }

  void Poll() {
    // Nobody takes the output: words stay where they are. But a job that is ended is seen to end.
    const bool room = DropsOutput() || !output_.full();
    std::vector<pollfd> fds;
    std::vector<Connection*> owners;
    std::vector<size_t> places;  // in connections_
    // Once there is room again, the first one is another one than before: one that has always words
    // to say does not keep the others from theirs.
    for (size_t i = 0; i < connections_.size(); ++i) {
      const size_t place = (first_ + i) % connections_.size();
      Connection* const owner = connections_[place].get();
      const auto add = [&](int fd, short events) {
        if (fd < 0) return;
        fds.push_back({fd, events, 0});
        owners.push_back(owner);
        places.push_back(place);
      };
      add(owner->to(), POLLOUT);
      if (room) add(owner->errors(), POLLIN);
      if (room) add(owner->from(), POLLIN);
    }
    if (poll(fds.data(), fds.size(), kTickMs) <= 0) return;
    for (size_t i = 0; i < fds.size(); ++i) {
      if (fds[i].revents == 0) continue;
      if (fds[i].fd == owners[i]->to()) {
        owners[i]->WriteUnsent();
      } else if (fds[i].fd == owners[i]->errors()) {
        owners[i]->ReadErrors();
      } else if (fds[i].fd == owners[i]->from()) {
        first_ = places[i] + 1;
        owners[i]->ReadFrames();
        while (const std::optional<Frame> frame = owners[i]->Next()) Handle(*owners[i], *frame);
        if (owners[i]->ended()) {
          owners[i]->ReadLastErrors();
          HasEnded(*owners[i]);
          return;  // the descriptors after it may be closed by now
        }
        if (!DropsOutput() && output_.full()) return;
      }
    }
  }

  void Handle(Connection& host, const Frame& frame) {
    switch (frame.kind) {
      case FrameKind::kHello:
        CONVOY_CHECK(frame.value >= 0 && frame.value <= kMaxPort && !started_,
                     "[tools/launch] expected a port from host '{}', got {}{}", host.name(),
                     frame.value, started_ ? " when all had started" : "");
        host.port = frame.value;
        return;
      case FrameKind::kRefused:
        cause_.Add({fmt::format("[tools/launch] host '{}': {}", host.name(),
                                PrintableStart(frame.text, kMaxShown)),
                    frame.value > 0 && frame.value < 256 ? frame.value : kExitFailed});
        Close();
        return;
      case FrameKind::kOut:
      case FrameKind::kErr:
        if (DropsOutput() && output_.full()) return;
        break;
      default:
        break;
    }
    workers_.Hear(host, frame, signal_);
  }

  // Like a program that SIGPIPE ends: who reads no more wants no more work.
  void CheckOutput() {
    const int failure = output_.failure(STDOUT_FILENO);
    if (failure == 0 || std::exchange(output_failed_, true)) return;
    if (failure == EPIPE) {
      cause_.Add({"", SignalStatus(SIGPIPE)});
    } else {
      cause_.Add({fmt::format("[tools/launch] cannot write what the workers say to standard "
                              "output: {}; send it to a place that can take it",
                              std::strerror(failure)),
                  kExitFailed});
    }
  }

  void HasEnded(Connection& host) {
    if (closing_) return;
    if (!host.greeted()) host.FailToReach("no agent");
    workers_.Lose(host);
  }

  // By a clock that goes on while this process is stopped: the agents have waited long then.
  void Ping() {
    const auto tenth = std::chrono::milliseconds(options_.silence_s * int64_t{100});
    const Clock::time_point now = Clock::now();
    if (!started_ || now - pinged_ < std::min<Clock::duration>(kPingEvery, tenth)) return;
    pinged_ = now;
    for (const auto& connection : connections_) {
      // One that has not taken what was sent would not hear it any sooner.
      if (connection->remote() && connection->to() < 0) {
        connection->Send({FrameKind::kPing, options_.silence_s, ""});
      }
    }
  }

  // Ends the others some time after one has failed; all that is left once all have ended.
  void EndWorkers() {
    if (started_ && !closing_ && workers_.all_ended()) Close();
    if (!cause_.since() || closing_) return;
    const Clock::duration now = clock_.now();
    if (!failed_) {
      failed_ = now;
      // One that is stopped (SIGSTOP) could neither hear of the failure nor end by itself.
      SendAll({FrameKind::kSignal, SIGCONT, ""});
    }
    const auto timeout = std::chrono::duration<double>(options_.timeout_s);
    if (!ending_ && now - *failed_ >= timeout) {
      for (const int signal : {SIGTERM, SIGCONT}) SendAll({FrameKind::kSignal, signal, ""});
      ending_ = now;
      cause_.Settle();
    } else if (ending_ && now - *ending_ >= timeout) {
      Close();
    }
  }

  // Waits for those who take the output, false if that was given up: a signal, of no use to workers
  // any more, ends it.
  bool Drain() {
    const Clock::duration begin = clock_.now();
    while (!output_.WaitUntilWritten(std::chrono::milliseconds(kTickMs))) {
      clock_.Tick();
      while (const int signal = signals_.Take()) {
        if (signal == SIGUSR1 || signal == SIGUSR2) continue;
        signal_ = signal;
        return false;
      }
      if (killed_ && clock_.now() - begin > kLastOutputWithin) return false;
    }
    return true;
  }

  int Report() {
    for (const auto& connection : connections_) connection->Kill();
    const bool written = Drain();
    CheckOutput();
    if (!cause_.since()) {
      return written && workers_.all_ended() ? workers_.stopped_status() : SignalStatus(signal_);
    }
    const Cause& cause = cause_.cause();
    if (!cause.text.empty()) {
      const std::string words = cause.rank < 0 ? "" : workers_.LastWords(cause.rank, cause.killed);
      OutputQueue report(kMaxOutput);  // what hangs in the other one is not waited for
      report.Add(STDERR_FILENO, "error: " + cause.text + words + "\n");
      while (!report.WaitUntilWritten(std::chrono::milliseconds(kTickMs)) && signals_.Take() == 0) {
      }
    }
    return cause.status;
  }

  const JobOptions& options_;
  const std::vector<HostShare> shares_;
  // Before anything is started: none is lost then.
  SignalCatcher signals_{{SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2}, /*restart=*/false};
  AwakeClock clock_;
  OutputQueue output_{kMaxOutput};
  std::vector<std::unique_ptr<Connection>> connections_;
  FirstCause cause_;
  WorkerTable workers_{options_.prefix, output_, cause_};
  bool started_ = false;
  bool killed_ = false;         // by a signal
  bool output_failed_ = false;  // standard output's
  bool give_up_ = false;        // the output that nobody takes
  int signal_ = 0;              // the last one that was passed on
  size_t first_ = 0;            // the connection whose words are read first
  Clock::time_point pinged_;
  // By clock_:
  std::optional<Clock::duration> failed_;   // since the first cause
  std::optional<Clock::duration> ending_;   // since SIGTERM
  std::optional<Clock::duration> closing_;  // since the agents were told to end everything
};

}  // namespace

int RunJob(const JobOptions& options) {
  signal(SIGPIPE, SIG_IGN);
  Job job(options);
  try {
    return job.Run();
  } catch (const Error&) {
    job.Abandon();
    throw;
  }
}

}  // namespace convoy
