// Subprocess: fork, exec, and a thread for each of stdout and stderr.
#include "tests/models/trainers/subprocess.h"

#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <stdexcept>

namespace convoy {
namespace {

struct Ends {
  int read = -1;
  int write = -1;
};

Ends MakePipe() {
  int fds[2];
  if (pipe2(fds, O_CLOEXEC) != 0) throw std::runtime_error("pipe2 failed");
  return {fds[0], fds[1]};
}

Ends MakeTerminal() {
  Ends ends;
  const winsize size = {.ws_row = 24, .ws_col = 120, .ws_xpixel = 0, .ws_ypixel = 0};
  if (openpty(&ends.read, &ends.write, nullptr, nullptr, &size) != 0) {
    throw std::runtime_error("openpty failed");
  }
  fcntl(ends.read, F_SETFD, FD_CLOEXEC);
  fcntl(ends.write, F_SETFD, FD_CLOEXEC);
  return ends;
}

// In the child, between fork and exec: a signal ends it there, too, where this process may have a
// handler that the copy of one thread cannot run.
void ForgetHandlers() {
  for (int signal = 1; signal < NSIG; ++signal) {
    struct sigaction action {};
    if (sigaction(signal, nullptr, &action) != 0 || action.sa_handler == SIG_IGN) continue;
    action = {};
    action.sa_handler = SIG_DFL;
    sigaction(signal, &action, nullptr);
  }
}

}  // namespace

Subprocess::Subprocess(const std::vector<std::string>& argv, bool terminal) {
  const Ends out = terminal ? MakeTerminal() : MakePipe();
  const Ends err = MakePipe();
  std::vector<char*> arguments;
  for (const std::string& argument : argv) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);

  sigset_t all, before;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, &before);
  pid_ = fork();
  if (pid_ == 0) {
    ForgetHandlers();
    sigprocmask(SIG_SETMASK, &before, nullptr);
    dup2(out.write, STDOUT_FILENO);
    dup2(err.write, STDERR_FILENO);
    execv(arguments[0], arguments.data());
    _exit(127);
  }
  sigprocmask(SIG_SETMASK, &before, nullptr);
  if (pid_ < 0) throw std::runtime_error("fork failed");
  close(out.write);
  close(err.write);
  out_reader_ = std::thread([this, fd = out.read] {
    Read(fd, result_.out);
    const std::lock_guard lock(mutex_);
    out_ended_ = true;
    changed_.notify_all();
  });
  err_reader_ = std::thread([this, fd = err.read] { Read(fd, result_.err); });
}

Subprocess::~Subprocess() {
  if (pid_ > 0) kill(pid_, SIGKILL);
  Wait();
}

void Subprocess::Read(int fd, std::string& into) {
  char buffer[4096];
  for (;;) {
    const ssize_t count = read(fd, buffer, sizeof(buffer));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;  // a terminal's end is an error, EIO
    const std::lock_guard lock(mutex_);
    into.append(buffer, static_cast<size_t>(count));
    changed_.notify_all();
  }
  close(fd);
}

bool Subprocess::WaitForOutput(const std::string& text) {
  std::unique_lock lock(mutex_);
  const auto found = [&] { return result_.out.find(text) != std::string::npos; };
  changed_.wait(lock, [&] { return out_ended_ || found(); });
  return found();
}

void Subprocess::Signal(int signal) { kill(pid_, signal); }

ProcessResult Subprocess::Wait() {
  if (out_reader_.joinable()) out_reader_.join();
  if (err_reader_.joinable()) err_reader_.join();
  if (pid_ > 0) {
    int status = 0;
    while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
    result_.status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  }
  return result_;
}

ProcessResult RunProcess(const std::vector<std::string>& argv, bool terminal) {
  return Subprocess(argv, terminal).Wait();
}

}  // namespace convoy
