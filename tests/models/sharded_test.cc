// A sharded optimizer takes the steps of one that is not sharded, bit for bit.
#include <catch2/catch.hpp>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <tuple>
#include <vector>

#include "core/base/error.h"
#include "tests/models/gpu_run.h"

namespace convoy {
namespace {

TEST_CASE("Sharded training equals training that is not sharded, bit by bit") {
  GpuRun run{.model = GENERATE("gpt", "mlp"), .device = "cpu"};
  run.dtype = GENERATE(DType::kF32, DType::kBF16, DType::kF16);
  run.loss_scale = run.dtype == DType::kF16;
  run.adamw = GENERATE(false, true);  // with clipping
  std::tie(run.workers, run.micro_batches) =
      GENERATE(std::pair(2, 1), std::pair(3, 1), std::pair(4, 3));
  run.transport = GENERATE("inprocess", "gloo");
  run.batches = {11, 11, 8, 1, 11};  // one step with workers that have no sample
  CAPTURE(run.model, Name(run.dtype), run.adamw, run.workers, run.micro_batches, run.transport);
  const GpuRunResult whole = Train(run);
  run.shard = Shard::kOptimizer;
  const GpuRunResult sharded = Train(run);
  CHECK(sharded.parameters == whole.parameters);
  CHECK(sharded.losses == whole.losses);
}

TEST_CASE("Each of N workers keeps one part in N of the optimizer's state") {
  GpuRun run{.dtype = DType::kBF16, .adamw = true, .device = "cpu"};
  run.workers = GENERATE(1, 2, 4, 7);
  CAPTURE(run.workers);
  run.batches = {4, 4, 4};
  const int64_t whole = Train(run).state_bytes;
  run.shard = Shard::kOptimizer;
  const int64_t part = Train(run).state_bytes;
  CHECK(part * run.workers >= whole);
  if (run.workers == 1) CHECK(part == whole);
  if (run.workers == 2) CHECK(part < whole * 6 / 10);  // buckets are padded to divide
}

TEST_CASE("The ranges of state that workers describe make up the whole, each element once") {
  const int workers = GENERATE(2, 3);
  std::mutex mutex;
  std::map<std::string, std::vector<int>> times;  // that an element is somewhere, by name
  Launch({.workers = workers, .threads = 1, .device = "cpu"}, [&](Worker& worker) {
    Mlp model({.in = 20, .hidden = {24}, .out = 13}, worker.device(), 1);
    DataParallel net(worker, model.Parameters(), {.shard = Shard::kOptimizer});
    const AdamW adam(net.Parameters(), {});
    const std::lock_guard lock(mutex);
    for (const StateTensor& state : adam.State()) {
      if (state.shape.ndim() == 0) continue;  // the counts of steps, on every worker
      std::vector<int>& elements = times[state.name];
      elements.resize(static_cast<size_t>(state.shape.numel()));
      for (int64_t i = state.range.begin; i < state.range.end; ++i) {
        ++elements[static_cast<size_t>(i)];
      }
      CONVOY_CHECK(state.tensor.numel() == state.range.size(), "[test] {} has another size",
                   state.name);
    }
  });
  CHECK(times.size() == 8);  // two moments of four parameters
  for (const auto& [name, elements] : times) {
    CAPTURE(name);
    CHECK(elements == std::vector<int>(elements.size(), 1));
  }
}

TEST_CASE("What cannot be right beside a sharded optimizer is refused") {
  const auto error_of = [](const std::function<void(Worker&)>& body) -> std::string {
    try {
      Launch({.workers = 2, .threads = 1, .device = "cpu"}, body);
    } catch (const Error& error) {
      return error.what();
    }
    return {};
  };
  CHECK_THAT(error_of([](Worker& worker) {
               Mlp model({.in = 20, .hidden = {64}, .out = 13}, worker.device(), 1);
               DataParallel net(worker, model.Parameters(), {.shard = Shard::kOptimizer});
               const Tensor x = Tensor::Full({4, 20}, 1, {DType::kF32, worker.device()});
               const Tensor labels = Tensor::Zeros({4}, {DType::kI32, worker.device()});
               net.Backward(CrossEntropy(model(x), labels), 0.5);
               for (const NamedTensor& p : model.Parameters()) p.tensor.grad();
             }),
             Catch::Contains("is not whole on this worker, since workers share the optimizer's"));
  CHECK_THAT(error_of([](Worker& worker) {
               Mlp model({.in = 20, .hidden = {64}, .out = 13}, worker.device(), 1);
               const DataParallel net(worker, model.Parameters(),
                                      {.shard = Shard::kOptimizer,
                                       .sync = std::make_shared<AllReduceSync>(worker.group())});
             }),
             Catch::Contains("give it a policy (sync) or a kind of sharding (shard), not both"));
}

}  // namespace
}  // namespace convoy
