// Data-parallel training on GPUs: N are one, whatever the shares; every event wait matters.
#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "core/autograd.h"
#include "core/cuda/stream.h"
#include "optim/sgd.h"
#include "parallel/launch.h"
#include "tests/gpu.h"
#include "tests/parallel/call_in_backward.h"
#include "tests/parallel/transport/nccl/gpu_workers.h"
#include "tests/parallel/transport/nccl/toy_training.h"

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
      net.Backward(ToyTerm(Tensor::Full({}, 0, {DType::kF32, worker.device()}), weight, 0, 8, 0),
                   1.0 / worker.world_size());
      net.Parameters().buckets()[0].before_read();
      ToyUpdate(net.Parameters().buckets()[0].values, net.Parameters().buckets()[0].gradients);
    }
    // At most the other worker's second barrier.
    Expect(cuda::HostWaits() <= two_barriers + 1, "a step waits for the device");
    Expect(net.stats().bytes > 0, "bytes of the sums");
  });
}

// Two parameters in a bucket each; the loss's gradient of both is that of ToyTerm.
struct TwoBuckets {
  explicit TwoBuckets(Worker& worker) {
    for (const char* name : {"late", "early"}) {  // buckets are in reverse order
      const Tensor weight = Tensor::Full({3000}, 0.5, {DType::kF32, worker.device()});
      list.push_back({name, weight});
      list.back().tensor.SetRequiresGrad();
    }
    net = std::make_unique<DataParallel>(
        worker, list,
        DataParallelOptions{.buckets = {.bytes = 1, .first_bytes = 1, .last_bytes = 1}});
  }
  // Backward reaches the term that was added last first.
  Tensor Loss(int step = 0) const {
    Tensor loss = Tensor::Full({}, 0, {DType::kF32, list[0].tensor.device()});
    for (const NamedTensor& p : list) {
      loss = ToyTerm(loss, p.tensor, 0, kToyBatch, step);
      if (before_late && p.name == "late") loss = CallInBackward(loss, before_late);
    }
    return loss;
  }
  std::vector<float> Gradient(size_t parameter) const {
    return list[parameter].tensor.grad().ToVector<float>();
  }

  ParameterList list;
  std::unique_ptr<DataParallel> net;
  /// Called in backward when the gradient of "early" is final and that of "late" is not; may be
  /// empty.
  std::function<void()> before_late;
};

TEST_CASE("GPUs: a bucket is updated before the sums of later ones have arrived") {
  CONVOY_NEED_GPUS(2);
  std::atomic<bool> updated{false}, over{false};
  RunGpuWorkers(2, [&](Worker& worker) {
    const Device device = worker.device();
    TwoBuckets model(worker);
    const auto wait_for = [](const std::atomic<bool>& flag, const std::atomic<bool>& end) {
      const auto start = std::chrono::steady_clock::now();
      while (!flag && !end && std::chrono::steady_clock::now() - start < std::chrono::seconds(20)) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
      }
    };
    if (worker.rank() == 1) {
      model.before_late = [&] { wait_for(updated, over); };
    }
    FlatParameters flat = model.net->Parameters();
    const cuda::Event first_update(device);
    flat.SetBeforeRead(1, [&, wait = flat.buckets()[1].before_read] {
      first_update.Record(cuda::Use(device));
      wait();
    });
    Sgd sgd(flat, {.lr = 0.25});
    model.net->Backward(model.Loss(), 1.0 / worker.world_size());
    sgd.Step();
    if (worker.is_main()) {
      const cuda::Stream side(device);
      first_update.MakeWait(side.get(), "test: first update");
      const auto start = std::chrono::steady_clock::now();
      while (!first_update.Done() &&
             std::chrono::steady_clock::now() - start < std::chrono::seconds(10)) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
      }
      if (first_update.Done()) {
        const cuda::StreamScope scope(side);
        updated = model.list[1].tensor.View({}).Item<float>() != 0.5f;
      }
      over = true;
    }
  });
  CHECK(updated);
}

TEST_CASE("GPUs: gradients are summed on either side of a recording") {
  const int workers = GENERATE(1, 2);
  CONVOY_NEED_GPUS(workers);
#if defined(CONVOY_SIM)
  sim::LagStreams(sim::Lag::kHighStreams);  // sums come when they are waited for, or too late
#endif
  RunGpuWorkers(workers, [](Worker& worker) {
    Backend& backend = GetBackend(DeviceType::kCuda);
    const Device device = worker.device();
    std::vector<float> expected[2];
    {
      TwoBuckets model(worker);
      for (int step = 0; step < 2; ++step) {
        model.net->Backward(model.Loss(step), 1.0 / worker.world_size());
        expected[step] = model.Gradient(0);
      }
    }
    Expect(expected[0] != expected[1], "steps differ");
    TwoBuckets model(worker);
    DataParallel& net = *model.net;
    if (worker.rank() == 1) {  // comes late to its last sum
      model.before_late = [] { std::this_thread::sleep_for(std::chrono::milliseconds(30)); };
    }

    // A recording in which nobody reads the sums, made and replayed while an eager step's are under
    // way.
    net.Backward(model.Loss(0), 1.0 / worker.world_size());
    net.Parameters().buckets()[0].before_read();  // else these gradients would be lost
    const auto backward =
        backend.Record(device, [&] { net.Backward(model.Loss(1), 1.0 / worker.world_size()); });
    for (int i = 0; i < 2; ++i) {
      if (i > 0) net.Backward(model.Loss(0), 1.0 / worker.world_size());
      backward->Replay();
      worker.group().Watch("backward");
      ExpectEqual(model.Gradient(0), expected[1], "replayed gradient");
    }
    net.Backward(model.Loss(0), 1.0 / worker.world_size());
    ExpectEqual(model.Gradient(0), expected[0], "gradient after a replay");

    // A recorded step reads sums that were started outside.
    Sgd sgd(net.Parameters(), {.lr = 1});
    std::unique_ptr<Recording> update;
    for (int i = 0; i < 3; ++i) {
      for (const NamedTensor& p : model.list) {
        p.tensor.CopyFrom(Tensor::Full(p.tensor.shape(), 0.5, p.tensor.options()));
      }
      net.Backward(model.Loss(0), 1.0 / worker.world_size());
      if (update == nullptr) update = backend.Record(device, [&] { sgd.Step(); });
      update->Replay();
      const std::vector<float> values = model.list[0].tensor.ToVector<float>();
      for (size_t k = 0; k < values.size(); ++k) {
        ExpectEqual(values[k], 0.5f - expected[0][k], "value after a recorded update");
      }
    }
  });
#if defined(CONVOY_SIM)
  sim::Reset();
#endif
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
    ExpectEqual(worker.group().name(), "solo", "group");
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
