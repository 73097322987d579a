// What is said of a worker whose process was killed before it had told what it did.
#include <fmt/format.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <string>

#include "core/base/error.h"
#include "parallel/launch.h"

namespace convoy {
namespace {

// Worker 2 of 3 is killed right after its fourth collective: sooner than it reports them.
void SumFourTimes(Worker& worker) {
  for (int i = 0; i < 4; ++i) {
    const Tensor numbers = Tensor::Zeros({256}, {DType::kF32, worker.device()});
    worker.group().AllReduce(numbers, ReduceOp::kSum, fmt::format("sum {}", i)).Wait();
  }
  if (worker.rank() == 2) raise(SIGKILL);
  worker.group().Barrier();
}

// The error of rank `rank`; empty if there is none.
std::string ErrorOf(int rank, const std::string& name) {
  setenv("RANK", std::to_string(rank).c_str(), 1);
  setenv("WORLD_SIZE", "3", 1);
  setenv("CONVOY_RENDEZVOUS", name.c_str(), 1);
  try {
    Launch({.threads = 1, .device = "cpu"}, SumFourTimes);
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

// The only case of this program: it forks, which no thread would survive.
TEST_CASE("Gloo: a worker that is killed is not said to have done nothing") {
  const std::string name = fmt::format("local:died-{}", getpid());
  pid_t others[2];
  for (int rank : {1, 2}) {
    pid_t& pid = others[rank - 1];
    pid = fork();
    REQUIRE(pid >= 0);
    if (pid == 0) _exit(ErrorOf(rank, name).empty() ? 0 : 1);
  }
  const std::string error = ErrorOf(0, name);
  int status = 0;
  waitpid(others[0], &status, 0);
  CHECK((WIFEXITED(status) && WEXITSTATUS(status) == 1));
  waitpid(others[1], &status, 0);
  CHECK((WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL));
  CAPTURE(error);
  CHECK_THAT(error, Catch::Contains("\n  worker 2: has gone: "));
  // It may have gone before this worker's own fourth sum had ended: then the third is the last one
  // that all are known to have taken part in.
  CHECK_THAT(
      error,
      Catch::Contains(
          "; before, it has started collective 4, sum 3, AllReduce of f32 256 (1.0 KiB), ") ||
          Catch::Contains("; before, it has started collective 3, sum 2, AllReduce of f32 "
                          "256 (1.0 KiB), "));
  CHECK_THAT(error, !Catch::Contains("has started no"));
}

}  // namespace
}  // namespace convoy
