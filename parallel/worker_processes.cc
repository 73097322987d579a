// Runs the workers of a run as processes: this program, started again once per worker.
#include "parallel/worker_processes.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "core/error.h"
#include "parallel/board.h"
#include "parallel/gpu_transport.h"
#include "parallel/launch.h"
#include "parallel/worker_threads.h"

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

// This process's variables, and the one that says what the new one is.
std::vector<std::string> Environment(int rank, int size, int fd) {
  std::vector<std::string> variables;
  const std::string prefix = std::string(kVariable) + "=";
  for (char** variable = environ; *variable != nullptr; ++variable) {
    if (!std::string_view(*variable).starts_with(prefix)) variables.emplace_back(*variable);
  }
  variables.push_back(fmt::format("{}{} {} {}", prefix, rank, size, fd));
  return variables;
}

std::vector<char*> Pointers(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

// The last signal that is to be passed on; 0: none. A mask would not do: any thread may get it.
std::atomic<int> received_signal{0};
static_assert(std::atomic<int>::is_always_lock_free, "a signal handler may not take a lock");

// While one is alive, SIGINT and SIGTERM are left in received_signal.
class SignalCatcher {
 public:
  SignalCatcher() {
    struct sigaction action = {};
    action.sa_handler = [](int signal) { received_signal = signal; };
    action.sa_flags = SA_RESTART;
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, &before_int_);
    sigaction(SIGTERM, &action, &before_term_);
  }
  ~SignalCatcher() {
    sigaction(SIGINT, &before_int_, nullptr);
    sigaction(SIGTERM, &before_term_, nullptr);
  }

 private:
  struct sigaction before_int_, before_term_;
};

pid_t Start(int rank, int size, int board) {
  std::vector<std::string> arguments = CommandLine();
  std::vector<std::string> variables = Environment(rank, size, board);
  std::vector<char*> argv = Pointers(arguments);
  std::vector<char*> envp = Pointers(variables);
  const pid_t parent = getpid();
  const pid_t pid = fork();
  CONVOY_CHECK(pid >= 0, "[Launch] cannot start worker {} of {}: {}", rank, size,
               std::strerror(errno));
  if (pid > 0) return pid;
  // Between fork and exec only what a signal handler may call.
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(1);
  setpgid(0, 0);  // Ctrl-C reaches the starting process, which passes it on once
  fcntl(board, F_SETFD, 0);
  if (rank != 0) {
    const int null = open("/dev/null", O_WRONLY);
    if (null >= 0) dup2(null, STDOUT_FILENO);
  }
  execve("/proc/self/exe", argv.data(), envp.data());
  _exit(127);
}

// "was killed by signal 9 (Killed)"
std::string DescribeEnd(int status) {
  if (WIFSIGNALED(status)) {
    return fmt::format("was killed by signal {} ({})", WTERMSIG(status),
                       strsignal(WTERMSIG(status)));
  }
  if (WEXITSTATUS(status) == 0) return "ended without training to the end";
  return fmt::format("ended with exit status {}", WEXITSTATUS(status));
}

// The worker processes of a run, from start to end.
class Supervisor {
 public:
  explicit Supervisor(int workers) : board_(Board::Make(workers)) {
    try {
      for (int rank = 0; rank < workers; ++rank) {
        pids_.push_back(Start(rank, workers, board_->fd()));
      }
    } catch (...) {
      End();
      throw;
    }
  }
  ~Supervisor() { End(); }

  // Returns the first cause of a failure, or an empty text.
  std::string Watch() {
    std::optional<Clock::time_point> failed_at;
    while (alive_ < 0 || alive_ > 0) {
      PassSignals();
      Reap();
      if (!failed_at && (!cause_.empty() || board_->failed())) failed_at = Clock::now();
      if (failed_at && Clock::now() - *failed_at > kGrace) KillAll();
      std::this_thread::sleep_for(kLook);
    }
    const std::string said = board_->failure();
    if (cause_.empty()) return said;
    // What a worker says of itself is better than how its process ended.
    if (said.starts_with(who_)) return said;
    return said.empty() ? who_ + cause_ : fmt::format("{}{}; {}", who_, cause_, said);
  }

 private:
  void PassSignals() {
    const int signal = received_signal.exchange(0);
    if (signal == 0) return;
    for (const pid_t pid : pids_) {
      if (pid > 0) kill(pid, signal);
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
    const bool finished = board_->state(rank) == Board::State::kFinished;
    if (finished && WIFEXITED(status) && WEXITSTATUS(status) == 0) return;
    const std::string end = DescribeEnd(status);
    // One that has told the others why it fails is not the news.
    if (cause_.empty() && !killing_ && (WIFSIGNALED(status) || !board_->failed())) {
      who_ = fmt::format("[worker {} of {}] ", rank, board_->size());
      cause_ = end;
    }
    board_->SetDead(rank, end);
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

  const std::shared_ptr<Board> board_;
  const SignalCatcher signals_;
  std::vector<pid_t> pids_;  // by rank; -1 once it has ended
  int alive_ = -1;           // -1: not counted yet
  bool killing_ = false;
  std::string who_, cause_;  // the first one that ended badly, and how
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

void RunProcesses(int workers) {
  static std::atomic<bool> done_before{false};
  CONVOY_CHECK(!done_before.exchange(true),
               "[Launch] a program can start its workers as processes once; use --launch threads");
  std::fflush(nullptr);
  Supervisor supervisor(workers);
  const std::string failure = supervisor.Watch();
  if (!failure.empty()) throw Error(failure);
}

void RunAsWorker(const Placement& place, double timeout_s,
                 const std::function<void(Worker&)>& train) {
  static std::atomic<bool> done_before{false};
  CONVOY_CHECK(!done_before.exchange(true),
               "[Launch] a program whose workers are processes can call Launch once; use --launch "
               "threads");
  const Role role = *GetRole();
  const std::shared_ptr<Board> board = Board::Attach(role.fd);
  fcntl(role.fd, F_SETFD, FD_CLOEXEC);
  CONVOY_CHECK(role.size == place.workers && role.size == board->size(),
               "[Launch] this worker was started as one of {}, but would start {} itself: the "
               "command line and the environment must say the same everywhere",
               role.size, place.workers);
  bool failed = false;
  RunWorker(
      role.rank, {place.device, role.rank}, train,
      [&](int rank) {
        return GetGpuTransport().Join(
            {.board = board, .rank = rank, .device = {place.device, rank}, .timeout_s = timeout_s});
      },
      [&](const std::string& error) {
        board->Fail(fmt::format("[worker {} of {}] {}", role.rank, role.size, error));
        failed = true;
      });
  if (failed) {
    SilenceErrors();
    throw Error(board->failure());
  }
}

}  // namespace convoy
