// Sockets: addresses, listening, one attempt to connect.
#include "parallel/net/socket.h"

#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <memory>
#include <utility>

#include "core/base/deadline.h"
#include "core/base/error.h"

namespace convoy::net {
namespace {

constexpr int kBacklog = 1024;  // all workers may come at once
constexpr std::string_view kMapped = "::ffff:";

using Addresses = std::unique_ptr<addrinfo, decltype(&freeaddrinfo)>;

Addresses Resolve(const std::string& host, int port, std::string& why) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int error = getaddrinfo(host.empty() ? nullptr : host.c_str(), std::to_string(port).c_str(),
                                &hints, &found);
  if (error == EAI_SYSTEM) {
    why = ErrnoText(errno);
  } else if (error != 0) {
    why = gai_strerror(error);
    why[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(why[0])));
  }
  return {error == 0 ? found : nullptr, &freeaddrinfo};
}

void SetOption(const Descriptor& socket, int level, int option, int value) {
  setsockopt(socket.get(), level, option, &value, sizeof(value));
}

Descriptor Open(const addrinfo& address) {
  return Descriptor(socket(address.ai_family, address.ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC,
                           address.ai_protocol));
}

bool IsLoopback(const sockaddr& address) {
  if (address.sa_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
    return ntohl(v4.sin_addr.s_addr) >> 24 == 127;
  }
  if (address.sa_family != AF_INET6) return false;
  const in6_addr& v6 = reinterpret_cast<const sockaddr_in6&>(address).sin6_addr;
  return IN6_IS_ADDR_LOOPBACK(&v6) || (IN6_IS_ADDR_V4MAPPED(&v6) && v6.s6_addr[12] == 127);
}

// Of a name that others know by another address.
bool OnlyLoopbackHere(const addrinfo* found) {
  for (; found != nullptr; found = found->ai_next) {
    if (!IsLoopback(*found->ai_addr)) return false;
  }
  return true;
}

// Every address of this machine, IPv6 with IPv4 where there is IPv6.
Descriptor ListenEverywhere(int port, int& error) {
  for (const int family : {AF_INET6, AF_INET}) {
    Descriptor fd(socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd) {
      error = errno;
      continue;
    }
    SetOption(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    sockaddr_storage address{};
    socklen_t bytes = sizeof(sockaddr_in);
    if (family == AF_INET6) {
      SetOption(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
      auto& v6 = reinterpret_cast<sockaddr_in6&>(address);
      v6 = {.sin6_family = AF_INET6, .sin6_port = htons(static_cast<uint16_t>(port))};
      bytes = sizeof(v6);
    } else {
      auto& v4 = reinterpret_cast<sockaddr_in&>(address);
      v4 = {.sin_family = AF_INET, .sin_port = htons(static_cast<uint16_t>(port))};
    }
    if (bind(fd.get(), reinterpret_cast<sockaddr*>(&address), bytes) == 0 &&
        listen(fd.get(), kBacklog) == 0) {
      return fd;
    }
    error = errno;
  }
  return Descriptor();
}

// Host and port, as numbers.
std::pair<std::string, std::string> AddressOf(const Descriptor& listening) {
  sockaddr_storage address{};
  socklen_t bytes = sizeof(address);
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  char host[NI_MAXHOST], port[NI_MAXSERV];
  CONVOY_CHECK(getsockname(listening.get(), generic, &bytes) == 0 &&
                   getnameinfo(generic, bytes, host, sizeof(host), port, sizeof(port),
                               NI_NUMERICHOST | NI_NUMERICSERV) == 0,
               "[Store] cannot find its own address: {}", ErrnoText(errno));
  return {host, port};
}

}  // namespace

std::string AddressText(std::string_view host, int port) {
  const bool v6 = host.find(':') != std::string_view::npos;
  return v6 ? fmt::format("[{}]:{}", host, port) : fmt::format("{}:{}", host, port);
}

std::string ErrnoText(int error) {
  std::string text = std::strerror(error);
  text[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(text[0])));
  return text;
}

bool IsLoopback(std::string_view host) {
  return host == "localhost" || host.ends_with(".localhost") || host == "::1" ||
         host.starts_with("127.");
}

Descriptor ListenAt(const std::string& host, int port) {
  int error = 0;
  bool elsewhere = host.empty();
  if (!host.empty()) {
    std::string why;
    const Addresses found = Resolve(host, port, why);
    CONVOY_CHECK(found != nullptr, "[Store] cannot listen at '{}': {}; is the host name right?",
                 host, why);
    // By a name, others may come to any of its addresses.
    const bool several = found->ai_next != nullptr;
    if (!IsLoopback(host) && (several || OnlyLoopbackHere(found.get()))) {
      if (Descriptor fd = ListenEverywhere(port, error)) return fd;
    }
    for (const addrinfo* it = found.get(); it != nullptr; it = it->ai_next) {
      Descriptor fd = Open(*it);
      if (fd) SetOption(fd, SOL_SOCKET, SO_REUSEADDR, 1);
      if (fd && bind(fd.get(), it->ai_addr, it->ai_addrlen) == 0 &&
          listen(fd.get(), kBacklog) == 0) {
        return fd;
      }
      error = errno;
      elsewhere = elsewhere || error == EADDRNOTAVAIL;
    }
  }
  if (elsewhere) {
    if (Descriptor fd = ListenEverywhere(port, error)) return fd;
  }
  Fail("[Store] cannot listen at {} ({}); choose another port",
       AddressText(host.empty() ? "*" : host, port), ErrnoText(error));
}

int PortOf(const Descriptor& listening) { return std::stoi(AddressOf(listening).second); }

std::string HostOf(const Descriptor& socket) {
  std::string host = AddressOf(socket).first;
  if (host.starts_with(kMapped)) host.erase(0, kMapped.size());
  return host == "::" || host == "0.0.0.0" ? "127.0.0.1" : host;
}

bool CanResolve(const std::string& host) {
  std::string why;
  return Resolve(host, 0, why) != nullptr;
}

Descriptor TryConnect(const std::string& host, int port, double timeout_s, std::string& why) {
  const Deadline deadline(timeout_s);
  const Addresses found = Resolve(host, port, why);
  for (const addrinfo* it = found.get(); it != nullptr; it = it->ai_next) {
    Descriptor fd = Open(*it);
    if (!fd) {
      why = ErrnoText(errno);
      continue;
    }
    int error = connect(fd.get(), it->ai_addr, it->ai_addrlen) == 0 ? 0 : errno;
    if (error == EINPROGRESS) {
      socklen_t bytes = sizeof(error);
      if (!WaitFor(fd.get(), POLLOUT, deadline.remaining_s())) {
        error = ETIMEDOUT;
      } else {
        getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &bytes);
      }
    }
    if (error == 0) {
      TuneConnection(fd);
      return fd;
    }
    why = ErrnoText(error);
  }
  return Descriptor();
}

void TuneConnection(const Descriptor& socket) {
  SetOption(socket, IPPROTO_TCP, TCP_NODELAY, 1);
  SetOption(socket, SOL_SOCKET, SO_KEEPALIVE, 1);
  SetOption(socket, IPPROTO_TCP, TCP_KEEPIDLE, 5);
  SetOption(socket, IPPROTO_TCP, TCP_KEEPINTVL, 5);
  SetOption(socket, IPPROTO_TCP, TCP_KEEPCNT, 3);
  SetOption(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, 20'000);  // ms
}

bool WaitFor(int fd, short events, double timeout_s) {
  const Deadline deadline(timeout_s);
  while (true) {
    pollfd entry{.fd = fd, .events = events};
    const double left_ms = std::ceil(deadline.remaining_s() * 1e3);
    const int ready = poll(&entry, 1, static_cast<int>(std::min(left_ms, 1e6)));
    if (ready > 0) return true;
    if (deadline.passed()) return false;
  }
}

}  // namespace convoy::net
