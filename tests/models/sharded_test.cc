// A sharded optimizer takes the steps of one that is not sharded, bit for bit.
#include <catch2/catch.hpp>
#include <tuple>

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
  GpuRun run{.dtype = DType::kBF16, .adamw = true, .batches = {4}, .device = "cpu"};
  run.workers = GENERATE(1, 2, 4, 7);
  CAPTURE(run.workers);
  const int64_t whole = Train(run).state_bytes;
  run.shard = Shard::kOptimizer;
  const int64_t part = Train(run).state_bytes;
  CHECK(part * run.workers >= whole);
  if (run.workers == 1) CHECK(part == whole);
  if (run.workers == 2) CHECK(part < whole * 6 / 10);  // buckets are padded to divide
}

}  // namespace
}  // namespace convoy
