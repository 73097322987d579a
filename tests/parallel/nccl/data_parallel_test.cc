// Data-parallel training on GPUs: N are one, whatever the shares; every event wait matters.
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "core/cuda/stream.h"
#include "parallel/launch.h"
#include "tests/gpu.h"
#include "tests/parallel/nccl/gpu_workers.h"
#include "tests/parallel/nccl/toy_training.h"

#if defined(CONVOY_SIM)
#include "tests/sim/control.h"
#endif

namespace convoy {
namespace {

// The parameters after a run on `workers` GPUs, which all of them must agree on.
std::vector<float> Train(int workers, const ToyRun& run = {}) {
  std::vector<std::vector<float>> results(static_cast<size_t>(workers));
  RunGpuWorkers(workers, [&](Worker& worker) {
    results[static_cast<size_t>(worker.rank())] = TrainToy(worker, run);
  });
  for (const auto& result : results) CHECK(result == results[0]);
  return results[0];
}

// As TrainToy computes them on one worker.
std::vector<float> Expected(const ToyRun& run = {}) {
  std::vector<float> values;
  int64_t parameter = 0;
  for (const int64_t n : {300, 1, 5000, 77}) {
    for (int64_t i = 0; i < n; ++i) {
      float value = 0.5f;
      for (int step = 0; step < run.steps && parameter != 1; ++step) {
        float sum = 0;
        for (int64_t s = 0; s < kToyBatch; ++s) {
          const int64_t number = run.recorded ? 0 : step;
          sum += value - static_cast<float>((i * 7 + s * 13 + number * 29) % 33 - 16) * 0.125f;
        }
        value -= sum / kToyBatch * 0.25f;
      }
      values.push_back(value);
    }
    ++parameter;
  }
  return values;
}

TEST_CASE("GPUs: N workers on a batch are one worker on the same batch, to the last bit") {
  const int workers = GENERATE(1, 2, 4, 8);
  CONVOY_NEED_GPUS(workers);
  const std::vector<float> expected = Expected();
  CHECK(Train(workers) == expected);
  CHECK(Train(workers, {.buckets = {}}) == expected);  // all in one bucket
  if (workers <= 4) CHECK(Train(workers, {.micro_batches = 2}) == expected);
}

TEST_CASE("GPUs: uneven shares of a batch, of nothing too") {
  CONVOY_NEED_GPUS(4);
  const std::vector<float> expected = Expected();
  CHECK(Train(4, {.samples = {4, 2, 1, 1}}) == expected);
  CHECK(Train(4, {.samples = {0, 4, 0, 4}}) == expected);
  CHECK(Train(4, {.samples = {0, 4, 2, 2}, .micro_batches = 2}) == expected);
}

TEST_CASE("GPUs: bf16 within its rounding") {
  CONVOY_NEED_GPUS(4);
  const std::vector<float> expected = Expected();
  for (const int workers : {1, 2, 4}) {
    const std::vector<float> values = Train(workers, {.dtype = DType::kBF16});
    for (size_t i = 0; i < values.size(); ++i) {
      CHECK(values[i] == Approx(expected[i]).margin(0.03));
    }
  }
}

TEST_CASE("GPUs: a recorded step replayed is the step") {
  const int workers = GENERATE(1, 2, 4);
  CONVOY_NEED_GPUS(workers);
  CHECK(Train(workers, {.recorded = true}) == Expected({.recorded = true}));
}

TEST_CASE("GPUs: a step waits for the device nowhere, and statistics need no wait") {
  CONVOY_NEED_GPUS(2);
  RunGpuWorkers(2, [](Worker& worker) {
    Tensor weight = Tensor::Full({1000}, 0.5, {DType::kF32, worker.device()});
    weight.SetRequiresGrad();
    DataParallel net(worker, {{"weight", weight}});
    worker.group().Barrier();
    const int64_t before = cuda::HostWaits();
    worker.group().Barrier();  // so that no other worker's wait below counts here
    const int64_t two_barriers = cuda::HostWaits();
    (void)before;
    for (int step = 0; step < 4; ++step) {
      net.Backward(ToyTerm(Tensor::Full({}, 0, {DType::kF32, worker.device()}), weight, 0, 8, 0));
      ToyUpdate(net.Parameters().buckets()[0].values, net.Parameters().buckets()[0].gradients);
    }
    // At most the other worker's second barrier.
    Expect(cuda::HostWaits() <= two_barriers + 1, "a step waits for the device");
    Expect(net.stats().bytes > 0, "bytes of the sums");
  });
}

TEST_CASE("GPUs: threads of one process through Launch") {
  CONVOY_NEED_GPUS(2);
  std::vector<std::vector<float>> results(2);
  Launch({.workers = 2, .device = "cuda", .launch = "threads"}, [&](Worker& worker) {
    results[static_cast<size_t>(worker.rank())] = TrainToy(worker, {});
  });
  for (const auto& result : results) CHECK(result == Expected());
}

TEST_CASE("GPUs: a single worker needs no transport") {
  CONVOY_NEED_GPUS(1);
  std::vector<float> result;
  Launch({.workers = 1, .device = "cuda"}, [&](Worker& worker) {
    Expect(worker.group().name() == "solo", "group");
    result = TrainToy(worker, {});
  });
  CHECK(result == Expected());
}

#if defined(CONVOY_SIM)
TEST_CASE("GPUs: streams that dawdle change nothing; a wait left out does") {
  CONVOY_NEED_GPUS(2);
  constexpr sim::Lag kLags[] = {sim::Lag::kNormalStreams, sim::Lag::kHighStreams};
  const std::vector<float> expected = Expected();
  // Of the training steps alone: setting up would notice too.
  const auto same_with = [&](sim::Lag lag, const char* without) {
    sim::LagStreams(lag);
    bool same = true;
    RunGpuWorkers(2, [&](Worker& worker) {
      const std::vector<float> values =
          TrainToy(worker, {.before_steps = [&] { sim::DropWaits(without); }});
      sim::DropWaits(nullptr);
      if (worker.is_main()) same = values == expected;
    });
    sim::LagStreams(sim::Lag::kNothing);
    return same;
  };
  for (const sim::Lag lag : kLags) CHECK(same_with(lag, nullptr));

#if !defined(__SANITIZE_ADDRESS__)  // there every freed block goes back to the driver, which waits
  int sites = 0;
  for (const std::string& site : sim::WaitSites()) {
    if (!site.starts_with("nccl:")) continue;  // others have tests of their own
    ++sites;
    INFO("without " << site);
    // A stream's thread may sleep while what dawdles catches up (the machine is busy), and the
    // values are right by luck. Wrong ones never come by luck: a second look is fair.
    bool noticed = false;
    for (int tries = 0; tries < 50 && !noticed; ++tries) {
      for (const sim::Lag lag : kLags) noticed = noticed || !same_with(lag, site.c_str());
    }
    CHECK(noticed);
  }
  CHECK(sites == 2);
#endif
  sim::Reset();
}
#endif

}  // namespace
}  // namespace convoy
