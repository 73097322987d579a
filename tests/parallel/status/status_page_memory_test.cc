// The memory that the workers of a run share: nobody can take it from the others.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "parallel/status/status_page.h"

namespace convoy {
namespace {

TEST_CASE("StatusPage: a worker cannot change the size of the memory that all share") {
  const auto page = status::StatusPage::MakeForProcesses(2);
  const off_t bytes = lseek(page->fd(), 0, SEEK_END);
  for (const off_t other : {off_t{0}, bytes - 1, bytes + 1}) {
    CHECK(ftruncate(page->fd(), other) != 0);
    CHECK(errno == EPERM);
  }
  page->Fail("still here");
  const auto attached = status::StatusPage::Attach(dup(page->fd()));
  CHECK(attached->size() == 2);
  CHECK(attached->failure() == "still here");
}

// A copy of a status page in memory that could be cut off, with `size` in place of its own.
int Copy(const status::StatusPage& page, bool sealed, int size) {
  std::vector<char> bytes(static_cast<size_t>(lseek(page.fd(), 0, SEEK_END)));
  REQUIRE(pread(page.fd(), bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()));
  std::memcpy(bytes.data() + sizeof(uint64_t), &size, sizeof(size));  // behind the magic number
  const int fd = memfd_create("copy", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  REQUIRE(write(fd, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
  if (sealed) REQUIRE(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) == 0);
  return fd;
}

TEST_CASE("StatusPage: what is no status page, or another size than it says, is refused") {
  const auto page = status::StatusPage::MakeForProcesses(3);
  CHECK(status::StatusPage::Attach(Copy(*page, true, 3))->size() == 3);
  const int unsealed = Copy(*page, false, 3);
  CHECK_THROWS_WITH(status::StatusPage::Attach(unsealed), Catch::Contains("unset CONVOY_WORKER"));
  for (const int size : {0, -1, 2, 4, 1 << 30}) {
    CAPTURE(size);
    const int wrong = Copy(*page, true, size);
    CHECK_THROWS_WITH(status::StatusPage::Attach(wrong), Catch::Contains("from another version"));
    close(wrong);
  }
  close(unsealed);
  CHECK_THROWS_WITH(status::StatusPage::Attach(-1), Catch::Contains("unset CONVOY_WORKER"));
}

}  // namespace
}  // namespace convoy
