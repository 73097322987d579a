// An open file descriptor that has one owner.
#include "core/base/descriptor.h"

#include <unistd.h>

#include <cerrno>
#include <utility>

namespace convoy {

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  if (this != &other) {
    Close();
    descriptor_ = other.Release();
  }
  return *this;
}

int Descriptor::Release() { return std::exchange(descriptor_, -1); }

void Descriptor::Close() {
  if (descriptor_ < 0) return;
  const int error = errno;
  close(std::exchange(descriptor_, -1));
  errno = error;
}

}  // namespace convoy
