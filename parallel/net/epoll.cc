// Waits for what happens to several descriptors: epoll, with errors as exceptions.
#include "parallel/net/epoll.h"

#include <algorithm>
#include <cerrno>

#include "core/base/error.h"
#include "parallel/net/socket.h"

namespace convoy::net {

Epoll::Epoll() : fd_(epoll_create1(EPOLL_CLOEXEC)) {
  CONVOY_CHECK(fd_, "[Store] cannot watch connections: {}", ErrnoText(errno));
}

void Epoll::Control(int operation, int fd, uint64_t id, uint32_t events) {
  epoll_event event{.events = events, .data = {.u64 = id}};
  CONVOY_CHECK(epoll_ctl(fd_.get(), operation, fd, &event) == 0,
               "[Store] cannot watch a connection: {}", ErrnoText(errno));
}

void Epoll::Add(int fd, uint64_t id, uint32_t events) { Control(EPOLL_CTL_ADD, fd, id, events); }

void Epoll::Change(int fd, uint64_t id, uint32_t events) { Control(EPOLL_CTL_MOD, fd, id, events); }

void Epoll::Remove(int fd) { epoll_ctl(fd_.get(), EPOLL_CTL_DEL, fd, nullptr); }

std::span<const epoll_event> Epoll::Wait(int milliseconds) {
  const int ready =
      epoll_wait(fd_.get(), events_.data(), static_cast<int>(events_.size()), milliseconds);
  return {events_.data(), static_cast<size_t>(std::max(ready, 0))};
}

}  // namespace convoy::net
