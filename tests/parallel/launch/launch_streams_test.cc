// Launch in a program of a user's own that was started with a closed standard stream.
#include <fcntl.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <string>

#include "parallel/launch.h"
#include "parallel/status/status_page.h"

namespace convoy {
namespace {

std::string FileOf(int stream) {
  return std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(stream));
}

TEST_CASE("Launch: what is opened during training never becomes a standard stream") {
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    CAPTURE(stream);
    const int kept = fcntl(stream, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    close(stream);
    std::string seen;
    int page = -1;
    const int status = Launch({.workers = 1, .threads = 1, .device = "cpu"}, [&](Worker&) {
      seen = FileOf(stream);
      page = status::StatusPage::MakeForProcesses(1)->fd();
    });
    dup2(kept, stream);
    close(kept);
    CHECK(status == 0);
    CHECK(seen == "/dev/null");
    CHECK(page > STDERR_FILENO);
  }
}

}  // namespace
}  // namespace convoy
