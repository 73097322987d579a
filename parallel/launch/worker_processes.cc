// Runs the workers of a run as processes: this program, started again once per worker.
#include "parallel/launch/worker_processes.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "core/base/error.h"
#include "core/base/exit_status.h"
#include "core/base/file.h"
#include "parallel/launch/supervise/child_processes.h"
#include "parallel/launch/supervise/escalation.h"
#include "parallel/launch/supervise/first_cause.h"
#include "parallel/launch/supervise/signal_catcher.h"
#include "parallel/launch/supervise/spawn.h"
#include "parallel/launch/worker_threads.h"
#include "parallel/status/status_page.h"
#include "parallel/transport/transport.h"

namespace convoy::launch {
namespace {

using Clock = std::chrono::steady_clock;

constexpr char kVariable[] = "CONVOY_WORKER";  // "rank size fd" of the shared memory

constexpr std::chrono::milliseconds kLook{2};

// How long the others may take to end by themselves after a failure.
constexpr std::chrono::seconds kGrace{5};

std::vector<std::string> CommandLine() {
  const std::string text = ReadKernelFile("/proc/self/cmdline");
  std::vector<std::string> arguments;  // each ends with a zero byte
  for (size_t begin = 0; begin < text.size(); begin += arguments.back().size() + 1) {
    arguments.emplace_back(text.c_str() + begin);
  }
  CONVOY_CHECK(!arguments.empty(), "[Launch] cannot read this program's own command line");
  return arguments;
}

void Start(ChildProcesses& workers, int rank, int size, int page) {
  std::vector<std::string> variables = EnvironmentWithout({kVariable});
  variables.push_back(fmt::format("{}={} {} {}", kVariable, rank, size, page));
  try {
    workers.Start({.program = "/proc/self/exe",
                   .argv = CommandLine(),
                   .env = std::move(variables),
                   .out = rank == 0 ? SpawnOptions::kInherit : SpawnOptions::kNull,
                   .keep = {page}});
  } catch (const SpawnError& error) {
    Fail("[Launch] cannot start worker {} of {}: {}", rank, size, error.what());
  }
}

// Describes how a process ended that should not have ended.
std::string DescribeFailure(int status) {
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return "ended without training to the end";
  return DescribeEnd(status);
}

// Whether that signal has ended the process, or a handler that ends it at once.
bool EndedBy(int signal, int status) {
  if (signal == 0) return false;
  return WIFSIGNALED(status) ? WTERMSIG(status) == signal
                             : WEXITSTATUS(status) == SignalStatus(signal);
}

// The worker processes of a run, from start to end.
class Supervisor {
 public:
  explicit Supervisor(int workers) : page_(status::StatusPage::MakeForProcesses(workers)) {
    for (int rank = 0; rank < workers; ++rank) Start(workers_, rank, workers, page_->fd());
  }

  // Returns the signal that the workers stopped early on, or 0. Throws: Error with the first cause.
  int Watch() {
    while (workers_.alive() > 0) {
      PassSignals();
      for (const auto& [worker, status] : workers_.Reap()) {
        HasEnded(static_cast<int>(worker), status);
      }
      if (cause_.since() || killed_ || page_->failed()) EndOthers();
      std::this_thread::sleep_for(kLook);
    }
    if (killed_) return stopped_by_;  // what the others said of it is its consequence
    const std::string cause = Describe(page_->failure());
    if (!cause.empty()) throw Error(cause);
    return stopped_by_;
  }

 private:
  // The first cause. `said`: what a worker says of it; empty: nothing.
  std::string Describe(const std::string& said) const {
    if (!cause_.since()) return said;
    const Cause& cause = cause_.cause();
    const std::string who = status::WorkerPrefix(cause.rank, page_->size());
    // What a worker says of itself is better than how its process ended.
    if (said.starts_with(who)) return said;
    return said.empty() ? who + cause.text : fmt::format("{}{}; {}", who, cause.text, said);
  }

  void PassSignals() {
    while (const int signal = signals_.Take()) {
      passed_ = signal;
      workers_.Signal(signal);
    }
  }

  void EndOthers() {
    if (escalation_.Next(Clock::now().time_since_epoch()) != Escalation::Step::kKill) return;
    cause_.Settle();
    workers_.Signal(SIGKILL);
  }

  void HasEnded(int rank, int status) {
    const bool finished = page_->state(rank) == status::StatusPage::State::kFinished;
    if (finished && WIFEXITED(status)) {
      if (WEXITSTATUS(status) == 0) return;
      if (WEXITSTATUS(status) > SignalStatus(0) && WEXITSTATUS(status) < SignalStatus(NSIG)) {
        stopped_by_ = WEXITSTATUS(status) - SignalStatus(0);
        return;
      }
    }
    const std::string end = DescribeFailure(status);
    if (EndedBy(passed_, status) && !cause_.since()) {
      stopped_by_ = passed_;
      killed_ = true;
    } else if (!killed_ && (WasKilled(status) || !page_->failed())) {
      // If a worker has told the others why it fails, an exit status or an abort adds nothing.
      cause_.Add({.text = end, .killed = WasKilled(status), .rank = rank});
    }
    page_->SetDead(rank, end);
  }

  const std::shared_ptr<status::StatusPage> page_;
  SignalCatcher signals_{{SIGINT, SIGTERM}, /*restart=*/true};
  ChildProcesses workers_{{}};  // by rank
  FirstCause cause_;            // the first worker that ended badly, and how
  Escalation escalation_{kGrace, /*asks=*/false};
  int passed_ = 0;       // the signal that was passed on last
  int stopped_by_ = 0;   // the signal that a worker stopped early on, or was killed by
  bool killed_ = false;  // a worker, by a signal that was passed on
};

struct Role {
  int rank = 0;
  int size = 1;
  int fd = -1;
};

const std::optional<Role>& GetRole() {
  static const std::optional<Role> role = []() -> std::optional<Role> {
    const char* text = std::getenv(kVariable);
    Role role;
    if (text == nullptr) return {};
    CONVOY_CHECK(std::sscanf(text, "%d %d %d", &role.rank, &role.size, &role.fd) == 3,
                 "[Launch] cannot read {}='{}'; unset it", kVariable, text);
    CONVOY_CHECK(role.rank >= 0 && role.rank < role.size && role.fd > STDERR_FILENO,
                 "[Launch] {}: expected a rank below the number of workers and an open file, which "
                 "Launch gives to the processes that it starts, got '{}'; unset it",
                 kVariable, text);
    unsetenv(kVariable);  // programs that this one starts are not workers
    return role;
  }();
  return role;
}

}  // namespace

std::optional<int> OwnWorker() {
  const std::optional<Role>& role = GetRole();
  return role ? std::optional<int>(role->rank) : std::nullopt;
}

int RunProcesses(int workers) {
  static std::atomic<bool> done_before{false};
  CONVOY_CHECK(!done_before.exchange(true),
               "[Launch] a program can start its workers as processes once; use --launch threads");
  std::fflush(nullptr);
  return Supervisor(workers).Watch();
}

int RunAsWorker(const Placement& place, const LaunchOptions& options,
                const std::function<void(Worker&)>& train) {
  static std::atomic<bool> done_before{false};
  CONVOY_CHECK(!done_before.exchange(true),
               "[Launch] a program whose workers are processes can call Launch once; use --launch "
               "threads");
  const Role role = *GetRole();
  const std::shared_ptr<status::StatusPage> page = status::StatusPage::Attach(role.fd);
  fcntl(role.fd, F_SETFD, FD_CLOEXEC);
  CONVOY_CHECK(place.processes && role.size == place.workers && role.size == page->size(),
               "[Launch] this worker was started as one of {}, but would start {} itself: the "
               "command line and the environment must say the same everywhere",
               role.size, place.workers);
  transport::Transport& chosen = transport::FindTransport(options.transport, place.device,
                                                          transport::WorkerLayout::kProcesses);
  chosen.Check();
  bool failed = false;
  const int stopped_by = RunWorker(
      role.rank, {place.device, role.rank}, train,
      chosen.Open(
          {.run = std::make_shared<status::RunStatus>(page), .timeout_s = options.timeout_s}),
      [&](const std::string& error) {
        page->Fail(status::SignedBy(role.rank, role.size, error));
        failed = true;
      },
      options.dump);
  if (failed) throw ReportedError(page->failure());
  return stopped_by;
}

}  // namespace convoy::launch
