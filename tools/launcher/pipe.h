// A pipe whose ends are closed when nobody owns them any more.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "core/base/descriptor.h"
#include "core/base/error.h"

namespace convoy::launcher {

struct Pipe {
  /// Throws: Error if the system has no descriptors left.
  Pipe() {
    int ends[2];
    CONVOY_CHECK(pipe2(ends, O_CLOEXEC) == 0, "cannot make a pipe: {}; raise `ulimit -n`",
                 std::strerror(errno));
    from = Descriptor(ends[0]);
    to = Descriptor(ends[1]);
  }

  Descriptor from;  ///< to read what was written to the other end
  Descriptor to;
};

}  // namespace convoy::launcher
