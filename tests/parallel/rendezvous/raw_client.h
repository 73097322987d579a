// A peer that sends whatever bytes a test likes.
#pragma once

#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <string>
#include <string_view>

#include "core/base/deadline.h"
#include "core/base/error.h"
#include "parallel/net/socket.h"

namespace convoy {

class RawClient {
 public:
  explicit RawClient(int port) {
    std::string why;
    fd_ = net::TryConnect("127.0.0.1", port, 5, why);
    CONVOY_CHECK(static_cast<bool>(fd_), "[RawClient] {}", why);
  }

  // As much as the other end takes; false if it is gone.
  bool Send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent > 0) {
        bytes.remove_prefix(static_cast<size_t>(sent));
      } else if (errno != EAGAIN || !net::WaitFor(fd_.get(), POLLOUT, 1)) {
        return false;
      }
    }
    return true;
  }

  // The next `bytes` bytes. Throws: Error if they do not come.
  std::string Take(size_t bytes) {
    std::string text(bytes, '\0');
    for (size_t at = 0; at < bytes;) {
      CONVOY_CHECK(net::WaitFor(fd_.get(), POLLIN, 30), "[RawClient] nothing comes");
      const ssize_t got = recv(fd_.get(), text.data() + at, bytes - at, 0);
      CONVOY_CHECK(got > 0, "[RawClient] the connection was closed");
      at += static_cast<size_t>(got);
    }
    return text;
  }

  // All that comes until the other end closes, or `timeout_s` has passed.
  std::string Drain(double timeout_s) {
    std::string all;
    const Deadline deadline(timeout_s);
    char bytes[4096];
    while (net::WaitFor(fd_.get(), POLLIN, deadline.remaining_s())) {
      const ssize_t got = recv(fd_.get(), bytes, sizeof(bytes), 0);
      if (got > 0) {
        all.append(bytes, static_cast<size_t>(got));
      } else if (got == 0 || errno != EAGAIN) {
        closed_ = true;
        break;
      }
    }
    return all;
  }

  // Whether Drain saw the other end close.
  bool closed() const { return closed_; }

 private:
  Descriptor fd_;
  bool closed_ = false;
};

}  // namespace convoy
