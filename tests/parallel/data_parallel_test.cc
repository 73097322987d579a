// DataParallel as a trainer uses it: N workers are one worker, whatever the shares.
#include "parallel/data_parallel.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <functional>
#include <optional>
#include <stdexcept>
#include <thread>
#include <vector>

#include "optim/sgd.h"
#include "tests/parallel/toy_model.h"
#include "tests/parallel/workers.h"

namespace convoy {
namespace {

constexpr int64_t kBatch = 12;
constexpr int kSteps = 8;

// One bucket per parameter, or all in one.
constexpr BucketOptions kMany{.bytes = 1, .first_bytes = 1, .last_bytes = 1};
constexpr BucketOptions kOne{};

struct Run {
  std::vector<int64_t> samples;  // of each worker in a batch
  int micro_batches = 1;
  BucketOptions buckets = kMany;
};

void GradientStep(FlatParameters& flat) {
  for (const FlatBucket& bucket : flat.buckets()) {
    if (bucket.before_read) bucket.before_read();
    for (int64_t i = 0; i < bucket.numel(); ++i) {
      bucket.values.data<double>()[i] -= 0.1 * bucket.gradients.data<double>()[i];
    }
  }
  flat.ConsumeGradients();
}

std::vector<double> Values(const ParameterList& parameters) {
  std::vector<double> all;
  for (const NamedTensor& parameter : parameters) {
    const std::vector<double> some = parameter.tensor.ToVector<double>();
    all.insert(all.end(), some.begin(), some.end());
  }
  return all;
}

// Parameters after a few steps, equal on all workers. Workers start from different values: those
// of worker 0 must win.
std::vector<double> Train(const Run& run) {
  const int workers = static_cast<int>(run.samples.size());
  std::vector<std::vector<double>> results(run.samples.size());
  RunWorkers(workers, [&](Worker& worker) {
    const size_t rank = static_cast<size_t>(worker.rank());
    ToyModel model(worker.device(), 1 + worker.rank());
    DataParallel net(worker, model.parameters, {.buckets = run.buckets});
    int64_t begin = 0;
    for (size_t r = 0; r < rank; ++r) begin += run.samples[r];
    const int64_t mine = run.samples[rank];
    for (int step = 0; step < kSteps; ++step) {
      for (int m = 0; m < run.micro_batches; ++m) {
        const int64_t first = begin + mine * m / run.micro_batches;
        const int64_t last = begin + mine * (m + 1) / run.micro_batches;
        net.Backward(model.Loss(step, first, last), static_cast<double>(last - first) / kBatch,
                     {.micro_batch = m, .micro_batches = run.micro_batches});
      }
      GradientStep(net.Parameters());
    }
    results[rank] = Values(model.parameters);
  });
  for (const auto& result : results) CHECK(result == results[0]);
  return results[0];
}

void CheckClose(const std::vector<double>& a, const std::vector<double>& b) {
  REQUIRE(a.size() == b.size());
  for (size_t i = 0; i < a.size(); ++i) CHECK(a[i] == Approx(b[i]).epsilon(1e-12));
}

TEST_CASE("N workers on a batch are one worker on the same batch") {
  const std::vector<double> alone = Train({.samples = {12}});
  const BucketOptions buckets = GENERATE(kMany, kOne);
  const int micro_batches = GENERATE(1, 3);
  CheckClose(Train({{12}, micro_batches, buckets}), alone);
  CheckClose(Train({{6, 6}, micro_batches, buckets}), alone);
  CheckClose(Train({{4, 4, 4}, micro_batches, buckets}), alone);
  CheckClose(Train({{5, 4, 2, 1}, micro_batches, buckets}), alone);
  CheckClose(Train({{0, 7, 0, 5}, micro_batches, buckets}), alone);
}

TEST_CASE("A repeated run gives the same bits") {
  const Run run{.samples = {3, 4, 5}, .micro_batches = 2};
  const std::vector<double> first = Train(run);
  for (int i = 0; i < 3; ++i) CHECK(Train(run) == first);
}

TEST_CASE("A batch's share weighs its loss") {
  std::vector<double> alone, shared;
  RunWorkers(1, [&](Worker& worker) {
    ToyModel model(worker.device());
    DataParallel net(worker, model.parameters);
    net.Backward(model.Loss(0, 0, 12), 1.0 / worker.world_size());
    alone = model[0].grad().ToVector<double>();
  });
  RunWorkers(2, [&](Worker& worker) {
    ToyModel model(worker.device());
    DataParallel net(worker, model.parameters);
    const Batch batch = {.share = worker.is_main() ? 0.75 : 0.25};
    net.Backward(worker.is_main() ? model.Loss(0, 0, 9) : model.Loss(0, 9, 12), batch);
    if (worker.is_main()) shared = model[0].grad().ToVector<double>();
  });
  CheckClose(shared, alone);
}

TEST_CASE("Parameters that the loss does not reach get zero, step after step") {
  const int workers = GENERATE(1, 3);
  RunWorkers(workers, [](Worker& worker) {
    ToyModel model(worker.device());
    DataParallel net(worker, model.parameters, {.buckets = kMany});
    for (int step = 0; step < 3; ++step) {
      // The slots hold something else before.
      for (const FlatBucket& bucket : net.Parameters().buckets()) {
        if (bucket.before_read) bucket.before_read();
        for (int64_t i = 0; i < bucket.numel(); ++i) bucket.gradients.data<double>()[i] = 9;
      }
      net.Backward(model.Loss(step, 0, 4), 1.0 / worker.world_size());
      Expect(model[2].grad().defined(), "unused parameter has a gradient");
      ExpectEqual(model[2].grad().ToVector<double>(), std::vector<double>(4, 0.0), "of zero");
      Expect(model[4].grad().ToVector<double>()[0] != 0, "used parameter has one");
      net.Parameters().ConsumeGradients();
    }
  });
}

TEST_CASE("Workers may reach different parameters") {
  RunWorkers(2, [](Worker& worker) {
    const Tensor w0 = ToyModel::Make({1, 1}, worker.device(), 0);
    const Tensor w1 = ToyModel::Make({1, 1}, worker.device(), 0);
    DataParallel net(worker, {{"w0", w0}, {"w1", w1}}, {.buckets = kMany});
    const Tensor one = Tensor::Full({1, 1}, 1, {DType::kF64, worker.device()});
    const Tensor zero = Tensor::Zeros({1}, {DType::kF64, worker.device()});
    // (w + 0 - 0)^2 on worker 0 by w0, on worker 1 by w1.
    const Tensor& w = worker.is_main() ? w0 : w1;
    const double expected = 2 * w.Item<double>() * 0.5;
    net.Backward(MeanSquare(Affine(one, w, zero), Tensor::Zeros({1, 1}, one.options())),
                 1.0 / worker.world_size());
    ExpectEqual(w0.grad().Item<double>(), expected, "gradient of w0");
    ExpectEqual(w1.grad().Item<double>(), expected, "gradient of w1");
  });
}

TEST_CASE("A parameter reached only by an earlier micro-batch keeps its gradient") {
  RunWorkers(2, [](Worker& worker) {
    const Tensor w0 = ToyModel::Make({1, 1}, worker.device(), 0);
    const Tensor w1 = ToyModel::Make({1, 1}, worker.device(), 1);
    DataParallel net(worker, {{"w0", w0}, {"w1", w1}});
    const Tensor one = Tensor::Full({1, 1}, 1, {DType::kF64, worker.device()});
    const Tensor zero = Tensor::Zeros({1}, {DType::kF64, worker.device()});
    const Tensor target = Tensor::Zeros({1, 1}, one.options());
    // The second step must not add to the first.
    const double weight = 0.5 / worker.world_size();
    for (int step = 0; step < 2; ++step) {
      net.Backward(MeanSquare(Affine(one, w0, zero), target), weight,
                   {.micro_batch = 0, .micro_batches = 2});
      net.Backward(MeanSquare(Affine(one, w1, zero), target), weight,
                   {.micro_batch = 1, .micro_batches = 2});
      ExpectEqual(w0.grad().Item<double>(), w0.Item<double>(), "gradient of w0");
      ExpectEqual(w1.grad().Item<double>(), w1.Item<double>(), "gradient of w1");
    }
  });
}

TEST_CASE("Parameters that another buffer has taken over are refused") {
  RunWorkers(1, [](Worker& worker) {
    ToyModel model(worker.device());
    DataParallel net(worker, model.parameters);
    const FlatParameters other(model.parameters);
    std::string message;
    try {
      net.Backward(model.Loss(0, 0, 4), 1.0 / worker.world_size());
    } catch (const Error& error) {
      message = error.what();
    }
    Expect(message.find("was moved into another flat buffer since") != std::string::npos, message);
  });
}

TEST_CASE("Statistics tell what a step moved and how long it waited") {
  RunWorkers(2, [](Worker& worker) {
    ToyModel model(worker.device());
    DataParallel net(worker, model.parameters, {.buckets = kMany});
    net.Backward(model.Loss(0, 0, 4), 1.0 / worker.world_size());
    ExpectEqual(net.stats().exposed_comm_ms, 0, "nobody has waited yet");
    GradientStep(net.Parameters());
    const StepStats& stats = net.stats();
    ExpectEqual(stats.buckets.size(), size_t{5}, "a bucket per parameter");
    ExpectEqual(stats.buckets[0].bytes, 256 * 8, "the bias of 2, padded to 256");
    ExpectEqual(stats.bytes, 5 * 256 * 8, "all buckets");
    Expect(stats.backward_ms > 0 && stats.exposed_comm_ms > 0, "times");
    Expect(stats.buckets[4].ready_ms >= stats.buckets[0].ready_ms, "in order");
    Expect(stats.buckets[0].comm_ms > 0, "time of a sum");
  });
}

// Keeps the last two buckets, of fc1, from being summed until worker 1 returns from `arrive`.
void HoldLastSums(const Worker& worker, ToyModel& model, std::function<void()> arrive) {
  if (worker.rank() == 1) model.before_fc1_backward = std::move(arrive);
}

TEST_CASE("A bucket is updated before the sums of later ones have arrived") {
  std::atomic<bool> updated{false};
  RunWorkers(2, [&](Worker& worker) {
    ToyModel model(worker.device());
    DataParallel net(worker, model.parameters, {.buckets = kMany});
    HoldLastSums(worker, model, [&] {
      const auto start = std::chrono::steady_clock::now();
      while (!updated && std::chrono::steady_clock::now() - start < std::chrono::seconds(20)) {
        std::this_thread::yield();
      }
      Expect(updated, "worker 0 waits for later sums before it updates");
    });
    FlatParameters flat = net.Parameters();
    const std::vector<double> before = model[4].ToVector<double>();
    if (worker.is_main()) {
      flat.SetBeforeRead(3, [&, wait = flat.buckets()[3].before_read] {
        updated = model[4].ToVector<double>() != before;
        wait();
      });
    }
    Sgd sgd(flat, {.lr = 0.1});
    net.Backward(model.Loss(0, 0, 4), 1.0 / worker.world_size());
    sgd.Step();
  });
  CHECK(updated);
}

TEST_CASE("Whoever reads a gradient after Backward reads the sum") {
  // With worker 1 late, what is not waited for is not there.
  const auto gradient_of = [](int workers,
                              const std::function<void(Worker&, ToyModel&, DataParallel&)>& use,
                              bool destroy = false) {
    std::vector<double> result;
    RunWorkers(workers, [&](Worker& worker) {
      ToyModel model(worker.device());
      std::optional<DataParallel> net;
      net.emplace(worker, model.parameters, DataParallelOptions{.buckets = kMany});
      HoldLastSums(worker, model,
                   [] { std::this_thread::sleep_for(std::chrono::milliseconds(30)); });
      net->Backward(model.Loss(0, 0, 4), 1.0 / worker.world_size());
      if (use) use(worker, model, *net);
      if (destroy) net.reset();
      if (worker.is_main()) result = model[0].grad().ToVector<double>();
    });
    return result;
  };
  const std::vector<double> alone = gradient_of(1, nullptr);
  CheckClose(gradient_of(2, nullptr), alone);
  CheckClose(gradient_of(2, nullptr, /*destroy=*/true), alone);

  // Somebody else's Backward overwrites it after the sum.
  const auto overwrite = [](Worker&, ToyModel& model, DataParallel& net) {
    net.Parameters().ConsumeGradients();
    model.Loss(1, 0, 4).Backward();
  };
  CheckClose(gradient_of(2, overwrite), gradient_of(1, overwrite));

  // The next step's gradients are written after the sums of this one.
  const auto again = [](Worker& worker, ToyModel& model, DataParallel& net) {
    net.Parameters().buckets()[0].before_read();  // else the first gradients would be lost
    net.Backward(model.Loss(1, 0, 4), 1.0 / worker.world_size());
  };
  CheckClose(gradient_of(2, again), gradient_of(1, again));

  // A gradient that was given up is zero, whatever is still being summed there.
  const auto zero = [](Worker&, ToyModel& model, DataParallel& net) {
    model[0].ZeroGrad();
    net.Parameters().ZeroMissingGradients();
  };
  CHECK(gradient_of(2, zero) == std::vector<double>(15, 0.0));
}

TEST_CASE("A sum that cannot be finished is an error wherever its gradient is read") {
  std::atomic<bool> returned{false};
  std::atomic<int> stopped{0};
  const std::string message = ErrorOf(2, [&](Worker& worker) {
    ToyModel model(worker.device());
    std::optional<DataParallel> net;
    net.emplace(worker, model.parameters, DataParallelOptions{.buckets = kMany});
    Sgd sgd(net->Parameters(), {});
    HoldLastSums(worker, model, [&] {
      while (!returned) std::this_thread::yield();
      throw std::runtime_error("hook failed");
    });
    net->Backward(model.Loss(0, 0, 4), 1.0 / worker.world_size());
    returned = true;
    const std::function<void()> uses[] = {
        [&] { sgd.Step(); },
        [&] { sgd.Step({.max_grad_norm = 1}); },
        [&] { model[0].grad(); },
        [&] { net->Backward(model.Loss(1, 0, 4), 1.0 / worker.world_size()); },
        [&] {
          net.reset();
          model[0].grad();
        },
    };
    for (const auto& use : uses) {
      try {
        use();
      } catch (const Error& error) {
        Expect(error.what() == std::string("[worker 1 of 2] hook failed"), error.what());
        ++stopped;
      }
    }
  });
  CHECK(message == "[worker 1 of 2] hook failed");
  CHECK(stopped == 5);
}

TEST_CASE("A throw inside backward on one worker ends the run with its cause") {
  const std::string message = ErrorOf(3, [](Worker& worker) {
    ToyModel model(worker.device());
    DataParallel net(worker, model.parameters, {.buckets = kMany});
    if (worker.rank() == 2) {
      model.before_fc1_backward = [] { throw std::runtime_error("hook failed"); };
    }
    net.Backward(model.Loss(0, 0, 4), 1.0 / worker.world_size());
  });
  CHECK(message == "[worker 2 of 3] hook failed");
}

}  // namespace
}  // namespace convoy
