// Writing to a pipe or a terminal that may take its time, or be gone.
#include "tools/launcher/output.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>

namespace convoy {

bool WriteAll(int fd, std::string_view bytes, const std::function<void()>& interrupted) {
  while (!bytes.empty()) {
    const ssize_t count = write(fd, bytes.data(), bytes.size());
    if (count > 0) {
      bytes.remove_prefix(static_cast<size_t>(count));
    } else if (count < 0 && errno == EINTR) {
      if (interrupted) interrupted();
    } else if (count < 0 && errno == EAGAIN) {  // a terminal that somebody else made so
      pollfd waiting = {fd, POLLOUT, 0};
      if (poll(&waiting, 1, -1) < 0 && errno == EINTR && interrupted) interrupted();
    } else {
      return false;
    }
  }
  return true;
}

}  // namespace convoy
