// Starts programs that end with the process that has started them, and says how they ended.
#include "parallel/launch/supervise/spawn.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>

#include "core/base/descriptor.h"
#include "core/base/exit_status.h"

namespace convoy::launch {
namespace {

std::vector<char*> Pointers(const std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (const std::string& text : texts) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

// A new program inherits which signals its parent ignores and blocks; this undoes both.
void ResetSignals() {
  for (const int signal :
       {SIGPIPE, SIGINT, SIGQUIT, SIGHUP, SIGTERM, SIGUSR1, SIGUSR2, SIGCHLD, SIGXFSZ}) {
    ::signal(signal, SIG_DFL);
  }
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
}

void Redirect(int fd, int stream) {
  if (fd == SpawnOptions::kNull) fd = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (fd == stream) fcntl(fd, F_SETFD, 0);  // where the stream was closed
  if (fd >= 0) dup2(fd, stream);
}

// Between fork and exec: only what a signal handler may call. Returns if the program cannot start.
void Become(const SpawnOptions& options, char** argv, char** envp, pid_t parent) {
  if (options.ends_with_parent) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(1);
  }
  if (options.new_session) {
    setsid();
  } else {
    setpgid(0, 0);
  }
  ResetSignals();
  Redirect(options.in, STDIN_FILENO);
  Redirect(options.out, STDOUT_FILENO);
  Redirect(options.err, STDERR_FILENO);
  for (const int fd : options.keep) fcntl(fd, F_SETFD, 0);
  execvpe(options.program.c_str(), argv, envp);
}

}  // namespace

pid_t Spawn(const SpawnOptions& options) {
  const std::vector<char*> argv = Pointers(options.argv);
  const std::vector<char*> envp = Pointers(options.env);
  int ends[2] = {-1, -1};
  const bool piped = pipe2(ends, O_CLOEXEC) == 0;
  // Closed by exec; else it carries the reason why there was none.
  const Descriptor reasons(ends[0]);
  Descriptor failure(ends[1]);
  const pid_t parent = getpid();
  const pid_t pid = piped ? fork() : -1;
  if (pid == 0) {
    Become(options, const_cast<char**>(argv.data()), const_cast<char**>(envp.data()), parent);
    const int reason = errno;
    [[maybe_unused]] const ssize_t written = write(failure.get(), &reason, sizeof(reason));
    _exit(reason == ENOENT ? kNotFoundStatus : kNotExecutableStatus);
  }
  int reason = pid < 0 ? errno : 0;
  failure.Close();
  if (pid > 0) {
    while (read(reasons.get(), &reason, sizeof(reason)) < 0 && errno == EINTR) {
    }
  }
  if (reason == 0) return pid;
  if (pid > 0) waitpid(pid, nullptr, 0);
  throw SpawnError(fmt::format("cannot start '{}': {}", options.program, std::strerror(reason)),
                   reason == ENOENT ? kNotFoundStatus : kNotExecutableStatus);
}

std::vector<std::string> EnvironmentWithout(const std::vector<std::string>& without) {
  std::vector<std::string> env;
  for (char** variable = environ; variable != nullptr && *variable != nullptr; ++variable) {
    const std::string_view text = *variable;
    const std::string_view name = text.substr(0, text.find('='));
    if (std::find(without.begin(), without.end(), name) == without.end()) env.emplace_back(text);
  }
  return env;
}

std::string DescribeEnd(int status) {
  if (WIFSIGNALED(status)) {
    return fmt::format("was killed by signal {} ({})", WTERMSIG(status),
                       strsignal(WTERMSIG(status)));
  }
  return fmt::format("ended with exit status {}", WEXITSTATUS(status));
}

bool WasKilled(int status) {
  constexpr std::array kSignals = {SIGKILL, SIGSEGV, SIGBUS, SIGILL, SIGFPE};
  return WIFSIGNALED(status) &&
         std::find(kSignals.begin(), kSignals.end(), WTERMSIG(status)) != kSignals.end();
}

int ShellStatus(int status) {
  return WIFSIGNALED(status) ? SignalStatus(WTERMSIG(status)) : WEXITSTATUS(status);
}

}  // namespace convoy::launch
