// Waits for what happens to several descriptors: epoll, with errors as exceptions.
#pragma once

#include <sys/epoll.h>

#include <array>
#include <cstdint>
#include <span>

#include "core/base/descriptor.h"

namespace convoy::net {

class Epoll {
 public:
  /// Throws: Error if the system has no descriptors left.
  Epoll();

  /// Watches `fd` for `events` (EPOLLIN, ...), which Wait tells with `id`.
  /// Throws: Error if the system watches no more.
  void Add(int fd, uint64_t id, uint32_t events);
  /// The same for one that is watched already. Throws: Error.
  void Change(int fd, uint64_t id, uint32_t events);
  /// Closing a descriptor that has no copy does this too.
  void Remove(int fd);

  /// What has happened, valid until the next call; empty after so many milliseconds (-1: waits for
  /// ever) or a signal.
  std::span<const epoll_event> Wait(int milliseconds);

 private:
  void Control(int operation, int fd, uint64_t id, uint32_t events);

  const Descriptor fd_;
  std::array<epoll_event, 64> events_;
};

}  // namespace convoy::net
