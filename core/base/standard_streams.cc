// The three standard streams, whatever this process was started with.
#include "core/base/standard_streams.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <exception>

#include "core/base/printable.h"

namespace convoy {

// The lowest number that is free is the one that open() gives.
void OpenStandardStreams() noexcept {
  for (int stream = STDIN_FILENO; stream <= STDERR_FILENO; ++stream) {
    if (fcntl(stream, F_GETFD) >= 0 || errno != EBADF) continue;
    // Where there is no /dev/null, reading and writing fail as on a closed stream.
    if (open("/dev/null", O_RDWR | O_NOCTTY) < 0) open("/", O_PATH);
  }
}

void WriteErrorLine(const std::string& line) noexcept {
  try {
    std::fprintf(stderr, "%s\n", PrintableText(line).c_str());
  } catch (const std::exception&) {  // out of memory
    std::fputs("out of memory\n", stderr);
  }
}

}  // namespace convoy
