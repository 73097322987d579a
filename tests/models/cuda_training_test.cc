// Whole models trained on GPUs: as on a CPU, as on one GPU, and without the host ever waiting.
#include <catch2/catch.hpp>
#include <tuple>

#include "tests/gpu.h"
#include "tests/models/gpu_run.h"

#if defined(CONVOY_SIM)
#include "tests/sim/control.h"
#endif

namespace convoy {
namespace {

constexpr double kF32 = 2e-5;
// Eight bits a value: after a few steps parameters differ by some of their last bits.
constexpr double kBF16 = 0.03;

TEST_CASE("N GPUs train what a CPU trains, with uneven batches") {
  CONVOY_NEED_GPUS(1);
  GpuRun run{.model = GENERATE("gpt", "mlp")};
  run.dtype = GENERATE(DType::kF32, DType::kBF16);
  run.micro_batches = GENERATE(1, 3);
  CAPTURE(run.model, Name(run.dtype), run.micro_batches);
  run.device = "cpu";
  const GpuRunResult cpu = Train(run);
  run.device = "cuda";
  const double tolerance = run.dtype == DType::kF32 ? kF32 : kBF16;
  for (const int workers : {1, 2, 4, 8}) {
    if (!HaveGpus(workers)) break;
    CAPTURE(workers);
    run.workers = workers;
    CHECK(Difference(Train(run), cpu) < tolerance);
  }
}

TEST_CASE("The same run gives the same bits, dropout included") {
  CONVOY_NEED_GPUS(2);
  const GpuRun run{.dropout = 0.2, .adamw = true, .workers = 2};
  const GpuRunResult first = Train(run), second = Train(run);
  CHECK(first.parameters == second.parameters);
  CHECK(first.losses == second.losses);
}

TEST_CASE("A recorded step gives the bits of the eager one") {
  CONVOY_NEED_GPUS(1);
  GpuRun run{.model = GENERATE("gpt", "mlp"), .dropout = 0.2, .adamw = true};
  run.dtype = GENERATE(DType::kF32, DType::kBF16);
  std::tie(run.workers, run.micro_batches) =
      GENERATE(std::pair(1, 1), std::pair(1, 2), std::pair(2, 2));
  if (!HaveGpus(run.workers)) return;
  CAPTURE(run.model, Name(run.dtype), run.workers, run.micro_batches);
  run.batches = {8, 8, 8, 6, 8, 6, 8, 6, 6};  // two shapes, taking turns
  const GpuRunResult eager = Train(run);
  run.graph = true;
  const GpuRunResult recorded = Train(run);
  CHECK(recorded.parameters == eager.parameters);
  CHECK(recorded.losses == eager.losses);
  CHECK(recorded.replays == 5);  // all but two of each shape
}

TEST_CASE("A sharded optimizer trains as one that is not, eager and recorded") {
  CONVOY_NEED_GPUS(2);
  GpuRun run{.model = GENERATE("gpt", "mlp"), .adamw = true};
  run.dtype = GENERATE(DType::kF32, DType::kBF16);
  std::tie(run.workers, run.micro_batches) = GENERATE(std::pair(2, 1), std::pair(4, 2));
  if (!HaveGpus(run.workers)) return;
  CAPTURE(run.model, Name(run.dtype), run.workers, run.micro_batches);
  run.batches = std::vector<int64_t>(6, 8);
  const GpuRunResult whole = Train(run);
  run.shard = Shard::kOptimizer;
  const GpuRunResult sharded = Train(run);
  CHECK(Difference(sharded, whole) < (run.dtype == DType::kF32 ? 1e-6 : kBF16));
  CHECK(sharded.state_bytes < whole.state_bytes * 3 / 4);
  run.graph = true;
  const GpuRunResult recorded = Train(run);
  CHECK(recorded.parameters == sharded.parameters);
  CHECK(recorded.replays == 4);  // all but two
}

TEST_CASE("A step never makes the host wait for the device") {
  CONVOY_NEED_GPUS(1);
  GpuRun run{.model = GENERATE("gpt", "mlp"), .dropout = 0.1, .adamw = true};
  run.graph = GENERATE(false, true);
  CAPTURE(run.model, run.graph);
  run.batches = std::vector<int64_t>(8, 4);
  Backend& backend = GetBackend(DeviceType::kCuda);
  int64_t waits = 0, last = 0;
  run.after_step = [&](int step) {
    if (step == 2) waits = backend.HostWaits();  // plans are made, buffers allocated, step recorded
    if (step == 7) last = backend.HostWaits();
  };
#if defined(CONVOY_SIM)
  int64_t syncs = 0, last_syncs = 0;
  run.after_step = [&, count = run.after_step](int step) {
    count(step);
    if (step == 2) syncs = sim::HostSyncs();
    if (step == 7) last_syncs = sim::HostSyncs();
  };
#endif
  Train(run);
  CHECK(last - waits == 0);
#if defined(CONVOY_SIM) && !defined(__SANITIZE_ADDRESS__)  // there blocks go back to the driver
  CHECK(last_syncs - syncs == 0);
#endif
}

TEST_CASE("A step cannot be recorded on a CPU") {
  CHECK_THROWS_WITH(
      Launch({.workers = 1, .threads = 1, .device = "cpu"},
             [](Worker& worker) { const StepGraph graph(worker); }),
      Catch::Contains("[StepGraph] a step can be recorded on a GPU only, but this worker computes "
                      "on cpu:0"));
}

}  // namespace
}  // namespace convoy
