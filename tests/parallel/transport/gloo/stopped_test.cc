// Worker 0 is stopped, or cut off, after it has finished: those that wait for others with it end.
#include <fmt/format.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <chrono>
#include <string>
#include <thread>

#include "core/base/error.h"
#include "parallel/launch.h"

namespace convoy {
namespace {

using Clock = std::chrono::steady_clock;

// Runs rank `rank` of 3, and writes its error, or "none", to `report`. Rank 1 never finishes; the
// others do at once, and say so with a full stop.
void RunRank(int rank, const std::string& name, int report) {
  setenv("RANK", std::to_string(rank).c_str(), 1);
  setenv("WORLD_SIZE", "3", 1);
  setenv("CONVOY_RENDEZVOUS", name.c_str(), 1);
  std::string text = "none";
  try {
    Launch({.threads = 1, .device = "cpu", .timeout_s = 30}, [&](Worker& worker) {
      worker.group().Barrier();
      while (rank == 1) pause();
      CHECK(write(report, ".", 1) == 1);
    });
  } catch (const Error& error) {
    text = error.what();
  }
  CHECK(write(report, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
}

std::string ReadSome(int fd) {
  char bytes[4096];
  const ssize_t count = read(fd, bytes, sizeof(bytes));
  return {bytes, static_cast<size_t>(std::max<ssize_t>(count, 0))};
}

// The only case of this program: it forks, which no thread would survive.
TEST_CASE("A worker that has finished does not wait for ever for news of the others") {
  const std::string name = fmt::format("local:stopped-{}", getpid());
  std::array<pid_t, 3> pids{};
  std::array<int, 3> reports{};
  for (int rank = 0; rank < 3; ++rank) {
    int ends[2];
    REQUIRE(pipe(ends) == 0);
    pids[rank] = fork();
    REQUIRE(pids[rank] >= 0);
    if (pids[rank] == 0) {
      RunRank(rank, name, ends[1]);
      _exit(0);
    }
    close(ends[1]);
    reports[rank] = ends[0];
  }
  CHECK(ReadSome(reports[0]) == ".");
  CHECK(ReadSome(reports[2]) == ".");
  std::this_thread::sleep_for(std::chrono::seconds(1));  // for worker 2 to hear of it
  kill(pids[0], SIGSTOP);
  const auto deadline = Clock::now() + std::chrono::seconds(150);
  int status = -1;
  while (waitpid(pids[2], &status, WNOHANG) == 0 && Clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  const bool ended = WIFEXITED(status);
  for (const pid_t pid : pids) kill(pid, SIGKILL);
  CHECK(ended);
  const std::string error = ReadSome(reports[2]);
  for (const pid_t pid : {pids[0], pids[1]}) waitpid(pid, &status, 0);
  CHECK_THAT(error,
             Catch::Contains("[Launch] worker 1 has not finished, and worker 0, which would "
                             "tell, does not answer: nothing was heard of its process for "));
}

}  // namespace
}  // namespace convoy
