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
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "core/base/error.h"
#include "core/base/exit_status.h"
#include "parallel/launch/supervise/signal_catcher.h"
#include "parallel/launch/supervise/spawn.h"
#include "parallel/launch/worker_threads.h"
#include "parallel/status/status_page.h"
#include "parallel/transport/transport.h"

namespace convoy {
namespace {

using Clock = std::chrono::steady_clock;

constexpr char kVariable[] = "CONVOY_WORKER";  // "rank size fd" of the shared memory

constexpr std::chrono::milliseconds kLook{2};

// How long the others may take to end by themselves after a failure.
constexpr std::chrono::seconds kGrace{5};

std::vector<std::string> CommandLine() {
  std::ifstream file("/proc/self/cmdline", std::ios::binary);
  std::vector<std::string> arguments;
  for (std::string argument; std::getline(file, argument, '\0');) arguments.push_back(argument);
  CONVOY_CHECK(!arguments.empty(), "[Launch] cannot read this program's own command line");
  return arguments;
}

pid_t Start(int rank, int size, int page) {
  std::vector<std::string> variables = EnvironmentWithout({kVariable});
  variables.push_back(fmt::format("{}={} {} {}", kVariable, rank, size, page));
  try {
    return Spawn({.program = "/proc/self/exe",
                  .argv = CommandLine(),
                  .env = std::move(variables),
                  .out = rank == 0 ? SpawnOptions::kInherit : SpawnOptions::kNull,
                  .keep = {page}});
  } catch (const SpawnError& error) {
    Fail("[Launch] cannot start worker {} of {}: {}", rank, size, error.what());
  }
}

// How a worker's process ended that should not have.
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
  explicit Supervisor(int workers) : page_(StatusPage::MakeForProcesses(workers)) {
    try {
      for (int rank = 0; rank < workers; ++rank) {
        pids_.push_back(Start(rank, workers, page_->fd()));
      }
    } catch (...) {
      End();
      throw;
    }
  }
  ~Supervisor() { End(); }

  // Returns the signal that the workers stopped early on, or 0. Throws: Error with the first cause.
  int Watch() {
    std::optional<Clock::time_point> failed_at;
    while (alive_ < 0 || alive_ > 0) {
      PassSignals();
      Reap();
      if (!failed_at && (!cause_.empty() || killed_ || page_->failed())) failed_at = Clock::now();
      if (failed_at && Clock::now() - *failed_at > kGrace) KillAll();
      std::this_thread::sleep_for(kLook);
    }
    if (killed_) return stopped_by_;  // what the others said of it is its consequence
    const std::string cause = Cause(page_->failure());
    if (!cause.empty()) throw Error(cause);
    return stopped_by_;
  }

 private:
  std::string Cause(const std::string& said) const {
    if (cause_.empty()) return said;
    // What a worker says of itself is better than how its process ended.
    if (said.starts_with(who_)) return said;
    return said.empty() ? who_ + cause_ : fmt::format("{}{}; {}", who_, cause_, said);
  }

  void PassSignals() {
    while (const int signal = signals_.Take()) {
      passed_ = signal;
      for (const pid_t pid : pids_) {
        if (pid > 0) kill(pid, signal);
      }
    }
  }

  void Reap() {
    alive_ = 0;
    for (size_t rank = 0; rank < pids_.size(); ++rank) {
      if (pids_[rank] <= 0) continue;
      int status = 0;
      const pid_t ended = waitpid(pids_[rank], &status, WNOHANG);
      if (ended == 0) {
        ++alive_;
        continue;
      }
      pids_[rank] = -1;
      HasEnded(static_cast<int>(rank), status);
    }
  }

  void HasEnded(int rank, int status) {
    const bool finished = page_->state(rank) == StatusPage::State::kFinished;
    if (finished && WIFEXITED(status)) {
      if (WEXITSTATUS(status) == 0) return;
      if (WEXITSTATUS(status) > SignalStatus(0) && WEXITSTATUS(status) < SignalStatus(NSIG)) {
        stopped_by_ = WEXITSTATUS(status) - SignalStatus(0);
        return;
      }
    }
    const std::string end = DescribeFailure(status);
    if (EndedBy(passed_, status) && cause_.empty()) {
      stopped_by_ = passed_;
      killed_ = true;
    } else if (cause_.empty() && !killed_ && !killing_ &&
               // One that has told the others why it fails is not the news.
               (WIFSIGNALED(status) || !page_->failed())) {
      who_ = fmt::format("[worker {} of {}] ", rank, page_->size());
      cause_ = end;
    }
    page_->SetDead(rank, end);
  }

  void KillAll() {
    killing_ = true;
    for (const pid_t pid : pids_) {
      if (pid > 0) kill(pid, SIGKILL);
    }
  }

  // Nobody is left behind, whatever has happened.
  void End() {
    KillAll();
    for (pid_t& pid : pids_) {
      if (pid > 0) waitpid(pid, nullptr, 0);
      pid = -1;
    }
  }

  const std::shared_ptr<StatusPage> page_;
  SignalCatcher signals_{{SIGINT, SIGTERM}, /*restart=*/true};
  std::vector<pid_t> pids_;  // by rank; -1 once it has ended
  int alive_ = -1;           // -1: not counted yet
  bool killing_ = false;
  std::string who_, cause_;  // the first one that ended badly, and how
  int passed_ = 0;           // the signal that was passed on last
  int stopped_by_ = 0;       // the signal that a worker stopped early on, or was killed by
  bool killed_ = false;      // a worker, by a signal that was passed on
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

// From now on the starting process speaks for this one.
void SilenceErrors() {
  std::fflush(stderr);
  const int null = open("/dev/null", O_WRONLY);
  if (null >= 0) dup2(null, STDERR_FILENO);
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
  const std::shared_ptr<StatusPage> page = StatusPage::Attach(role.fd);
  fcntl(role.fd, F_SETFD, FD_CLOEXEC);
  CONVOY_CHECK(role.size == place.workers && role.size == page->size(),
               "[Launch] this worker was started as one of {}, but would start {} itself: the "
               "command line and the environment must say the same everywhere",
               role.size, place.workers);
  bool failed = false;
  const int stopped_by = RunWorker(
      role.rank, {place.device, role.rank}, train,
      FindTransport(options.transport, place.device, WorkerLayout::kProcesses)
          .Open({.run = std::make_shared<RunStatus>(page), .timeout_s = options.timeout_s}),
      [&](const std::string& error) {
        page->Fail(fmt::format("[worker {} of {}] {}", role.rank, role.size, error));
        failed = true;
      },
      options.dump);
  if (failed) {
    SilenceErrors();
    throw Error(page->failure());
  }
  return stopped_by;
}

}  // namespace convoy
