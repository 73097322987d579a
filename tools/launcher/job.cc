// A job: its workers on its hosts, from start to end.
#include "tools/launcher/job.h"

#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <optional>
#include <utility>

#include "core/base/error.h"
#include "core/base/exit_status.h"
#include "core/base/printable.h"
#include "parallel/launch/supervise/escalation.h"
#include "parallel/launch/supervise/first_cause.h"
#include "parallel/launch/supervise/signal_catcher.h"
#include "tools/launcher/agents.h"
#include "tools/launcher/awake_clock.h"
#include "tools/launcher/connection.h"
#include "tools/launcher/output_queue.h"
#include "tools/launcher/start_orders.h"
#include "tools/launcher/worker_table.h"

namespace convoy::launcher {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kTickMs = 50;
constexpr auto kConnectWithin = std::chrono::seconds(60);
constexpr auto kCloseWithin = std::chrono::seconds(10);
constexpr auto kLastOutputWithin = std::chrono::seconds(1);  // of a job that was killed
constexpr size_t kMaxOutput = 16 << 20;  // beyond, the agents have to wait with theirs
constexpr size_t kMaxShown = 1000;
constexpr int kMaxPort = 65535;

Clock::duration Seconds(double seconds) {
  return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
}

class Job {
 public:
  explicit Job(const JobOptions& options) : options_(options), shares_(ShareWorkers(options)) {
    for (size_t host = 0; host < shares_.size(); ++host) {
      for (size_t i = 0; i < shares_[host].ranks.size(); ++i) workers_.Add(agents_[host]);
    }
  }

  int Run() {
    const Agents::Handlers handlers{
        .has_room = [this] { return DropsOutput() || !output_.full(); },
        .hear = [this](Connection& host, const Message& message) { Handle(host, message); },
        .lost = [this](Connection& host) { HasEnded(host); }};
    while (!agents_.AllEnded()) {
      clock_.Tick();
      PassSignals();
      agents_.Poll(kTickMs, handlers);
      CheckOutput();
      if (!started_ && !closing_) {
        if (agents_.AllReady()) {
          StartAll();
        } else if (clock_.now() > kConnectWithin) {
          agents_.CheckReady("no answer within a minute");
        }
      }
      if (started_) agents_.Ping();
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
  void Close() {
    agents_.Close();
    if (!closing_) closing_ = clock_.now();
  }

  void StartAll() {
    started_ = true;
    const std::vector<StartOrder> orders =
        MakeOrders(options_, shares_, agents_[0].name(), agents_[0].port.value_or(0));
    for (size_t host = 0; host < agents_.size(); ++host) agents_[host].Send(orders[host]);
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
        agents_.SendAll({MessageKind::kSignal, signal, ""});
      }
    }
  }

  // Whether output that nobody reads is dropped: while workers are being killed, and after a signal
  // that ends them, so that the launcher still hears of their end.
  bool DropsOutput() const { return closing_ || give_up_; }

  void Handle(Connection& host, const Message& message) {
    switch (message.kind) {
      case MessageKind::kHello:
        CONVOY_CHECK(message.value >= 0 && message.value <= kMaxPort && !started_,
                     "[tools/launch] expected a port from host '{}', got {}{}", host.name(),
                     message.value, started_ ? " when all had started" : "");
        host.port = message.value;
        return;
      case MessageKind::kRefused:
        cause_.Add({fmt::format("[tools/launch] host '{}': {}", host.name(),
                                PrintableStart(message.text, kMaxShown)),
                    message.value > 0 && message.value < 256 ? message.value : kExitFailed});
        Close();
        return;
      case MessageKind::kOut:
      case MessageKind::kErr:
        if (DropsOutput() && output_.full()) return;
        break;
      default:
        break;
    }
    workers_.Hear(host, message, signal_);
  }

  // As SIGPIPE ends a program: when nobody reads the output any more, the work is not wanted
  // either.
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

  // Ends the others some time after one has failed; all that is left once all have ended.
  void EndWorkers() {
    if (started_ && !closing_ && workers_.all_ended()) Close();
    if (!cause_.since() || closing_) return;
    switch (escalation_.Next(clock_.now())) {
      case launch::Escalation::Step::kNone:
        break;
      case launch::Escalation::Step::kFailed:
        // One that is stopped (SIGSTOP) could neither hear of the failure nor end by itself.
        agents_.SendAll({MessageKind::kSignal, SIGCONT, ""});
        break;
      case launch::Escalation::Step::kAsk:
        for (const int signal : {SIGTERM, SIGCONT})
          agents_.SendAll({MessageKind::kSignal, signal, ""});
        cause_.Settle();
        break;
      case launch::Escalation::Step::kKill:
        Close();
        break;
    }
  }

  // Waits until the output is written. Returns false if it gave that up: at a signal, which is of
  // no use to the workers any more, or after kLastOutputWithin if the job was killed.
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
    agents_.Kill();
    const bool written = Drain();
    CheckOutput();
    if (!cause_.since()) {
      return written && workers_.all_ended() ? workers_.stopped_status() : SignalStatus(signal_);
    }
    const launch::Cause& cause = cause_.cause();
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
  // Made before anything is started, so that no signal is lost.
  launch::SignalCatcher signals_{{SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2},
                                 /*restart=*/false};
  AwakeClock clock_;
  OutputQueue output_{kMaxOutput};
  Agents agents_{shares_, options_, output_};
  launch::FirstCause cause_;
  WorkerTable workers_{options_.prefix, output_, cause_};
  bool started_ = false;
  bool killed_ = false;         // by a signal
  bool output_failed_ = false;  // standard output's
  bool give_up_ = false;        // on output that nobody takes
  int signal_ = 0;              // the last one that was passed on
  // By clock_:
  launch::Escalation escalation_{Seconds(options_.timeout_s), /*asks=*/true};
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

}  // namespace convoy::launcher
