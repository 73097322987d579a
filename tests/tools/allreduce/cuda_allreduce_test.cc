// tools/allreduce on GPUs, over NCCL.
#include <catch2/catch.hpp>
#include <string>

#include "tests/gpu.h"
#include "tests/tools/allreduce/run_allreduce.h"

namespace convoy::collectives {
namespace {

TEST_CASE("Collectives between GPUs, as processes and as threads") {
  CONVOY_NEED_GPUS(2);
  for (const std::string kind :
       {"allreduce", "reducescatter", "allgather", "broadcast", "alltoall"}) {
    for (const std::string launch : {"processes", "threads"}) {
      for (const std::string type : {"float", "bfloat16"}) {
        CAPTURE(kind, launch, type);
        const ProcessResult result = RunProcess(AllReduceCommand(
            {"--device", "cuda", "--workers", "2",  "--launch", launch, "--collective",
             kind,       "-d",   type,        "-b", "4K",       "-e",   "64K",
             "-f",       "16",   "-n",        "3",  "-w",       "1"}));
        CheckRows(result, 2, kind == "allreduce" || kind == "broadcast" ? 1 : 0.5);
        CHECK_THAT(result.out, Catch::Contains("# " + kind + " over nccl, 2 workers") &&
                                   Catch::Contains("device  1 [cuda:1] "));
      }
    }
  }
}

TEST_CASE("-g takes so many GPUs in this process; averages are divided on the device") {
  CONVOY_NEED_GPUS(2);
  for (const char* type : {"float", "bfloat16", "half"}) {
    CAPTURE(type);
    const ProcessResult result =
        RunProcess(AllReduceCommand({"--device", "cuda", "-g", "2", "-d", type, "-o", "avg", "-b",
                                     "64K", "-e", "64K", "-n", "3", "-w", "1", "-z", "1"}));
    CheckRows(result, 1, 1);
    CHECK_THAT(result.out, Catch::Contains("# allreduce over nccl, 2 workers") &&
                               Catch::Contains("after each, all wait for the device"));
    CHECK(RowsOf(result.out).at(0).redop == "avg");
  }
}

TEST_CASE("--median waits for the device after every iteration") {
  CONVOY_NEED_GPUS(2);
  const ProcessResult result = RunProcess(AllReduceCommand(
      {"--device", "cuda", "--workers", "2", "-b", "1M", "-e", "1M", "-n", "5", "--median"}));
  CheckRows(result, 1, 1);
  CHECK_THAT(result.out, Catch::Contains("# time: median of the iterations, of the worker for "
                                         "which each took longest\n"));
}

}  // namespace
}  // namespace convoy::collectives
