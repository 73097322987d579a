// The launcher's end of its line to one host.
#include "tools/launcher/connection.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>

#include "core/base/error.h"
#include "core/base/host_name.h"
#include "parallel/launch/supervise/spawn.h"
#include "tools/launcher/pipe.h"

namespace convoy::launcher {
namespace {

constexpr auto kEndsWithin = std::chrono::seconds(1);

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
  launch::SpawnOptions spawn{
      .env = launch::EnvironmentWithout({}), .new_session = true, .ends_with_parent = false};
  if (remote_) {
    spawn.argv = options.ssh;
    spawn.argv.push_back(host);
  }
  spawn.argv.push_back(remote_ ? ForShell(OwnPath()) : OwnPath());
  spawn.argv.push_back("--agent");
  spawn.program = spawn.argv[0];
  Pipe to, from, errors;
  spawn.in = to.from.get();
  spawn.out = from.to.get();
  spawn.err = errors.to.get();
  try {
    carrier_.Start(spawn);
  } catch (const launch::SpawnError& error) {
    throw launch::SpawnError(
        fmt::format("[tools/launch] {}; expected a program that reaches other hosts like ssh does, "
                    "name one with --ssh",
                    error.what()),
        error.status());
  }
  to_ = std::move(to.to);
  from_ = std::move(from.from);
  errors_ = std::move(errors.from);
  // Waiting is done with poll. These ends of the pipes are this process's alone: the flag, which
  // all who share an end would have, changes nothing for the agent.
  for (const Descriptor* end : {&to_, &from_, &errors_}) fcntl(end->get(), F_SETFL, O_NONBLOCK);
  unsent_ = kPreamble;
  WriteUnsent();
}

Connection::~Connection() {
  Close();
  Kill();
}

std::string Connection::last_words() const {
  if (!lines_.last_message().empty() || greeted()) return lines_.last_message();
  LinePrefixer greeting("");
  greeting.Feed(messages_.greeting() + "\n");
  return greeting.last_message();
}

void Connection::FailToReach(const std::string& how) const {
  const std::string words = last_words();
  Fail(
      "[tools/launch] expected to reach host '{}', got {}{}{}; see that `ssh -o BatchMode=yes {} "
      "true` works without a password and that this build lies under the same path there",
      name(), how, words.empty() ? "" : ": ", words, name());
}

void Connection::SendBytes(std::string_view bytes) {
  if (!to_) return;
  unsent_ += bytes;
  WriteUnsent();
}

void Connection::WriteUnsent() {
  const ssize_t count = write(to_.get(), unsent_.data(), unsent_.size());
  if (count >= 0) {
    unsent_.erase(0, static_cast<size_t>(count));
  } else if (errno != EAGAIN && errno != EINTR) {
    unsent_.clear();  // it has gone, as the other pipe is about to tell
  }
}

void Connection::Close() {
  to_.Close();
  unsent_.clear();
}

void Connection::Kill() {
  // An agent that has closed its line is about to end.
  if (ended()) carrier_.WaitUntilEnded(kEndsWithin);
  carrier_.Kill();
}

void Connection::ReadMessages() {
  char bytes[64 << 10];
  const ssize_t count = read(from_.get(), bytes, sizeof(bytes));
  if (count > 0) {
    messages_.Append({bytes, static_cast<size_t>(count)});
  } else if (count == 0 || (errno != EAGAIN && errno != EINTR)) {
    from_.Close();
  }
}

void Connection::ReadLastErrors() {
  // What ssh leaves running in the background may hold it open.
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(500);
  while (errors_ && std::chrono::steady_clock::now() < end) {
    pollfd waiting = {errors_.get(), POLLIN, 0};
    if (poll(&waiting, 1, 10) > 0) ReadErrors();
  }
}

void Connection::ReadErrors() {
  char bytes[4096];
  const ssize_t count = read(errors_.get(), bytes, sizeof(bytes));
  if (count > 0) {
    output_.Add(STDERR_FILENO, lines_.Feed({bytes, static_cast<size_t>(count)}));
  } else if (count == 0 || (errno != EAGAIN && errno != EINTR)) {
    output_.Add(STDERR_FILENO, lines_.Finish());
    errors_.Close();
  }
}

}  // namespace convoy::launcher
