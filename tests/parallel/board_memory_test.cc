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

#include "core/error.h"
#include "parallel/board.h"

namespace convoy {
namespace {

TEST_CASE("Board: a worker cannot change the size of the memory that all share") {
  const auto board = Board::Make(2);
  const off_t bytes = lseek(board->fd(), 0, SEEK_END);
  for (const off_t other : {off_t{0}, bytes - 1, bytes + 1}) {
    CHECK(ftruncate(board->fd(), other) != 0);
    CHECK(errno == EPERM);
  }
  board->Fail("still here");
  const auto attached = Board::Attach(dup(board->fd()));
  CHECK(attached->size() == 2);
  CHECK(attached->failure() == "still here");
}

// A copy of a board in memory that could be cut off, with `size` in place of its own.
int Copy(const Board& board, bool sealed, int size) {
  std::vector<char> bytes(static_cast<size_t>(lseek(board.fd(), 0, SEEK_END)));
  REQUIRE(pread(board.fd(), bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()));
  std::memcpy(bytes.data() + sizeof(uint64_t), &size, sizeof(size));  // behind the magic number
  const int fd = memfd_create("copy", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  REQUIRE(write(fd, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
  if (sealed) REQUIRE(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) == 0);
  return fd;
}

TEST_CASE("Board: what is no board, or another size than it says, is refused") {
  const auto board = Board::Make(3);
  CHECK(Board::Attach(Copy(*board, true, 3))->size() == 3);
  const int unsealed = Copy(*board, false, 3);
  CHECK_THROWS_WITH(Board::Attach(unsealed), Catch::Contains("unset CONVOY_WORKER"));
  for (const int size : {0, -1, 2, 4, 1 << 30}) {
    CAPTURE(size);
    const int wrong = Copy(*board, true, size);
    CHECK_THROWS_WITH(Board::Attach(wrong), Catch::Contains("from another version"));
    close(wrong);
  }
  close(unsealed);
  CHECK_THROWS_WITH(Board::Attach(-1), Catch::Contains("unset CONVOY_WORKER"));
}

}  // namespace
}  // namespace convoy
