// How the processes of one user on one machine find worker 0: a name that is no file.
#include "parallel/rendezvous/unix_meeting.h"

#include <fmt/format.h>
#include <openssl/sha.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <utility>

#include "core/base/error.h"
#include "core/base/start_thread.h"
#include "parallel/net/frame.h"

namespace convoy::rendezvous {
namespace {

constexpr uint8_t kAnswer = 1;
constexpr double kAnswerS = 2;
constexpr double kFreeS = 1;  // an earlier job of this name may be just ending

// "convoy-1000-NAME", behind a zero byte; a long name by its hash.
std::string PathOf(const std::string& name) {
  std::string path = fmt::format("convoy-{}-{}", geteuid(), name);
  if (path.size() + 1 > sizeof(sockaddr_un::sun_path)) {
    std::array<unsigned char, SHA256_DIGEST_LENGTH> hash;
    SHA256(reinterpret_cast<const unsigned char*>(name.data()), name.size(), hash.data());
    path = fmt::format("convoy-{}-{:02x}", geteuid(), fmt::join(hash, ""));
  }
  return path;
}

// Binds or connects a new socket to the name; its errno, or 0.
int Use(int (*call)(int, const sockaddr*, socklen_t), const std::string& name, Descriptor& fd) {
  fd = Descriptor(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return errno;
  const std::string path = PathOf(name);
  sockaddr_un address{.sun_family = AF_UNIX};
  std::memcpy(address.sun_path + 1, path.data(), path.size());
  const auto bytes = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + path.size());
  return call(fd.get(), reinterpret_cast<const sockaddr*>(&address), bytes) == 0 ? 0 : errno;
}

// The user at the other end.
std::optional<uid_t> UserOf(const Descriptor& fd) {
  ucred peer{};
  socklen_t bytes = sizeof(peer);
  if (getsockopt(fd.get(), SOL_SOCKET, SO_PEERCRED, &peer, &bytes) != 0) return {};
  return peer.uid;
}

}  // namespace

UnixMeetingServer::UnixMeetingServer(const std::string& name, const net::ServerAddress& server)
    : wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  int error = 0;
  for (const Deadline deadline(kFreeS); !deadline.passed();) {
    error = Use(&bind, name, listening_);
    if (error != EADDRINUSE) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  CONVOY_CHECK(
      error != EADDRINUSE,
      "[Meet] expected to be the only rank 0 of job '{0}', got another one on this machine: "
      "another process of this job, which needs another RANK, or another job named '{0}', "
      "which needs another CONVOY_RENDEZVOUS=local:NAME",
      name);
  CONVOY_CHECK(error == 0 && listen(listening_.get(), SOMAXCONN) == 0 && wake_,
               "[Meet] cannot open a Unix socket for job '{}': {}", name,
               net::ErrnoText(error == 0 ? errno : error));
  const std::string answer =
      net::FrameWriter(kAnswer).U16(static_cast<uint16_t>(server.port)).Text(server.secret).Take();
  thread_ = StartThread("Launch", "meeting", [this, answer] { Run(answer); });
}

UnixMeetingServer::~UnixMeetingServer() {
  eventfd_write(wake_.get(), 1);
  thread_.join();
}

void UnixMeetingServer::Run(const std::string& answer) const {
  while (true) {
    pollfd entries[] = {{.fd = listening_.get(), .events = POLLIN, .revents = 0},
                        {.fd = wake_.get(), .events = POLLIN, .revents = 0}};
    poll(entries, 2, -1);
    if (entries[1].revents != 0) return;
    const Descriptor fd(accept4(listening_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!fd) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));  // out of descriptors
      continue;
    }
    if (UserOf(fd) != geteuid()) continue;
    // A new socket takes as little as this at once.
    [[maybe_unused]] const ssize_t sent =
        send(fd.get(), answer.data(), answer.size(), MSG_NOSIGNAL);
  }
}

std::optional<net::ServerAddress> AskUnixMeeting(const std::string& name, std::string& why) {
  Descriptor fd;
  if (const int error = Use(&connect, name, fd); error != 0) {
    why = error == ECONNREFUSED ? "no job of this name is starting" : net::ErrnoText(error);
    return {};
  }
  if (UserOf(fd) != geteuid()) {
    why = "that name is another user's";
    return {};
  }
  net::FrameAssembler in(net::kMaxUnauthenticatedFrameBytes);
  for (const Deadline deadline(kAnswerS); net::WaitFor(fd.get(), POLLIN, deadline.remaining_s());) {
    const std::span<char> want = in.Want();
    const ssize_t got = recv(fd.get(), want.data(), want.size(), 0);
    if (got <= 0) break;
    const net::FrameAssembler::State state = in.Got(static_cast<size_t>(got));
    if (state == net::FrameAssembler::State::kMore) continue;
    if (state == net::FrameAssembler::State::kTooLong) break;
    net::FrameReader reader(in.body());
    const bool answer = reader.U8() == kAnswer;
    net::ServerAddress server{.port = reader.U16()};
    server.secret = reader.Text(net::kMaxUnauthenticatedFrameBytes);
    if (answer && reader.Finished()) return server;
    break;
  }
  why = "worker 0 did not answer";
  return {};
}

}  // namespace convoy::rendezvous
