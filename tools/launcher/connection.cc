// The launcher's end of its line to one host.
#include "tools/launcher/connection.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>

#include "core/base/error.h"
#include "core/base/host_name.h"
#include "parallel/launch/supervise/spawn.h"

namespace convoy {
namespace {

std::string OwnPath() {
  std::string path(4096, '\0');
  const ssize_t size = readlink("/proc/self/exe", path.data(), path.size());
  CONVOY_CHECK(size > 0, "[tools/launch] cannot find this program's own path: {}",
               std::strerror(errno));
  path.resize(static_cast<size_t>(size));
  return path;
}

// A remote shell reads it once more.
std::string ForShell(const std::string& text) {
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+=:@%,";
  if (text.find_first_not_of(kPlain) == text.npos) return text;
  std::string quoted = "'";
  for (const char c : text) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

}  // namespace

Connection::Connection(const std::string& host, const JobOptions& options, OutputQueue& output)
    : remote_(!host.empty()),
      name_(remote_ ? host : HostName()),
      lines_("[" + name_ + "] "),
      output_(output) {
  SpawnOptions spawn{.env = EnvironmentWithout({}), .new_session = true, .ends_with_parent = false};
  if (remote_) {
    spawn.argv = options.ssh;
    spawn.argv.push_back(host);
  }
  spawn.argv.push_back(remote_ ? ForShell(OwnPath()) : OwnPath());
  spawn.argv.push_back("--agent");
  spawn.program = spawn.argv[0];
  int to[2], from[2], errors[2];
  CONVOY_CHECK(
      pipe2(to, O_CLOEXEC) == 0 && pipe2(from, O_CLOEXEC) == 0 && pipe2(errors, O_CLOEXEC) == 0,
      "[tools/launch] cannot make a pipe: {}; raise `ulimit -n`", std::strerror(errno));
  spawn.in = to[0];
  spawn.out = from[1];
  spawn.err = errors[1];
  try {
    pid_ = Spawn(spawn);
  } catch (const SpawnError& error) {
    throw SpawnError(
        fmt::format("[tools/launch] {}; expected a program that reaches other hosts like ssh does, "
                    "name one with --ssh",
                    error.what()),
        error.status());
  }
  for (const int fd : {to[0], from[1], errors[1]}) close(fd);
  to_ = to[1];
  from_ = from[0];
  errors_ = errors[0];
  // Waiting is done with poll. These ends of the pipes are this process's alone: the flag, which
  // all who share an end would have, changes nothing for the agent.
  for (const int fd : {to_, from_, errors_}) fcntl(fd, F_SETFL, O_NONBLOCK);
  unsent_ = kPreamble;
  WriteUnsent();
}

Connection::~Connection() {
  Close();
  Kill();
  if (from_ >= 0) close(from_);
  if (errors_ >= 0) close(errors_);
}

std::string Connection::last_words() const {
  if (!lines_.last_message().empty() || greeted()) return lines_.last_message();
  LinePrefixer greeting("");
  greeting.Feed(frames_.greeting() + "\n");
  return greeting.last_message();
}

void Connection::FailToReach(const std::string& how) const {
  const std::string words = last_words();
  Fail(
      "[tools/launch] expected to reach host '{}', got {}{}{}; see that `ssh -o BatchMode=yes {} "
      "true` works without a password and that this build lies under the same path there",
      name(), how, words.empty() ? "" : ": ", words, name());
}

void Connection::Send(const Frame& frame) {
  if (to_ < 0) return;
  unsent_ += Encode(frame);
  WriteUnsent();
}

void Connection::WriteUnsent() {
  const ssize_t count = write(to_, unsent_.data(), unsent_.size());
  if (count >= 0) {
    unsent_.erase(0, static_cast<size_t>(count));
  } else if (errno != EAGAIN && errno != EINTR) {
    unsent_.clear();  // it has gone, as the other pipe is about to tell
  }
}

void Connection::Close() {
  if (to_ >= 0) close(to_);
  to_ = -1;
  unsent_.clear();
}

void Connection::Kill() {
  if (pid_ <= 0) return;
  // An agent that has closed its line is about to end.
  for (int tries = 0; ended() && tries < 1000; ++tries) {
    if (waitpid(pid_, nullptr, WNOHANG) == pid_) {
      pid_ = -1;
      return;
    }
    usleep(1000);
  }
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

void Connection::ReadFrames() {
  char bytes[64 << 10];
  const ssize_t count = read(from_, bytes, sizeof(bytes));
  if (count > 0) {
    frames_.Append({bytes, static_cast<size_t>(count)});
  } else if (count == 0 || (errno != EAGAIN && errno != EINTR)) {
    close(from_);
    from_ = -1;
  }
}

void Connection::ReadLastErrors() {
  // What ssh leaves running in the background may hold it open.
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(500);
  while (errors_ >= 0 && std::chrono::steady_clock::now() < end) {
    pollfd waiting = {errors_, POLLIN, 0};
    if (poll(&waiting, 1, 10) > 0) ReadErrors();
  }
}

void Connection::ReadErrors() {
  char bytes[4096];
  const ssize_t count = read(errors_, bytes, sizeof(bytes));
  if (count > 0) {
    output_.Add(STDERR_FILENO, lines_.Feed({bytes, static_cast<size_t>(count)}));
  } else if (count == 0 || (errno != EAGAIN && errno != EINTR)) {
    output_.Add(STDERR_FILENO, lines_.Finish());
    close(errors_);
    errors_ = -1;
  }
}

}  // namespace convoy
