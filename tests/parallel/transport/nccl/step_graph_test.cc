// Steps that StepGraph replays are watched as collectives are: what hangs or dies in one is said.
#include "parallel/step_graph.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "tests/gpu.h"
#include "tests/parallel/transport/nccl/gpu_workers.h"
#include "tests/parallel/workers.h"

namespace convoy {
namespace {

using Catch::Contains;

// Two eager runs, the recording with its first replay, and one replay more.
constexpr int kGoodSteps = 4;

// Steps that sum `numbers` over all workers. Worker 1 stays away from the last one.
void MissLastStep(Worker& worker, const std::atomic<bool>& over, std::atomic<bool>& noticed) {
  const Tensor numbers = Tensor::Full({1000}, 1, {DType::kF32, worker.device()});
  StepGraph graph(worker);
  const auto step = [&] { worker.group().AllReduce(numbers, ReduceOp::kSum).Wait(); };
  for (int i = 0; i < kGoodSteps; ++i) graph.Run(step);
  ExpectEqual(graph.recordings(), 1, "one recording");
  ExpectEqual(graph.replays(), 2, "two replays");
  ExpectEqual(numbers.ToVector<float>(), std::vector<float>(1000, 16), "2 to the 4th power");
  worker.group().Barrier();
  if (worker.rank() == 1) {
    while (!over) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return;
  }
  graph.Run(step);
  try {
    numbers.ToVector<float>();  // a host wait ends with the error
  } catch (...) {
    noticed = true;
    throw;
  }
}

TEST_CASE("StepGraph: a replay that hangs is reported, with who is missing") {
  CONVOY_NEED_GPUS(2);
  std::atomic<bool> over{false}, noticed{false};
  // Without a watch nothing would ever end the wait: the test lets worker 1 go after a while.
  std::thread patience([&] {
    for (int i = 0; i < 3000 && !noticed; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    over = true;
  });
  const std::string message =
      GpuErrorOf(2, [&](Worker& worker) { MissLastStep(worker, over, noticed); }, {.timeout_s = 1});
  noticed = true;
  patience.join();
  CHECK_THAT(message, Contains("Replay the recorded step, has not ended within 1.") &&
                          Contains("worker 1 is missing; worker 1 was last seen in ") &&
                          Contains(", Barrier"));
}

TEST_CASE("StepGraph: a worker that fails ends the replay in which others wait for it") {
  CONVOY_NEED_GPUS(3);
  const std::string message = GpuErrorOf(3, [&](Worker& worker) {
    const Tensor numbers = Tensor::Full({1000}, 1, {DType::kF32, worker.device()});
    StepGraph graph(worker);
    const auto step = [&] { worker.group().AllReduce(numbers, ReduceOp::kSum).Wait(); };
    for (int i = 0; i < kGoodSteps; ++i) graph.Run(step);
    if (worker.rank() == 1) Fail("out of luck");
    graph.Run(step);
    numbers.ToVector<float>();
  });
  CHECK(message == "[worker 1 of 3] out of luck");
}

TEST_CASE("StepGraph: a step of another key has a recording of its own") {
  CONVOY_NEED_GPUS(2);
  RunGpuWorkers(2, [](Worker& worker) {
    const Tensor small = Tensor::Full({3}, 1, {DType::kF32, worker.device()});
    const Tensor large = Tensor::Full({5}, 1, {DType::kF32, worker.device()});
    StepGraph graph(worker);
    for (int i = 0; i < kGoodSteps; ++i) {
      graph.Run("small", [&] { worker.group().AllReduce(small).Wait(); });
      if (i > 0) graph.Run("large", [&] { worker.group().AllReduce(large).Wait(); });
    }
    ExpectEqual(graph.recordings(), 2, "a recording for each key");
    ExpectEqual(graph.replays(), 3, "two of the small step, one of the large");
    ExpectEqual(small.ToVector<float>(), std::vector<float>(3, 16), "four sums");
    ExpectEqual(large.ToVector<float>(), std::vector<float>(5, 8), "three sums");
  });
}

}  // namespace
}  // namespace convoy
