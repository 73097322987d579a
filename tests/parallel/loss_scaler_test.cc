// Loss scaling over several workers: all of them skip the step that overflows anywhere.
#include "optim/loss_scaler.h"

#include <fmt/format.h>

#include <catch2/catch.hpp>

#include "core/autograd.h"
#include "optim/sgd.h"
#include "parallel/data_parallel.h"
#include "tests/parallel/workers.h"

namespace convoy {
namespace {

// factor * sum(w) in f32, of f16 values: the gradient is the seed times the factor, in f16.
Tensor Loss(const Tensor& w, float factor) {
  return Record("Loss", Tensor::Scalar(0.0f, w.device()), {w}, [=](BackwardPass& pass) {
    const float gradient = factor * pass.grad().Item<float>();
    pass.Write(0, [&](const Tensor& dw) {
      for (int64_t i = 0; i < dw.numel(); ++i) dw.data<Float16>()[i] = Float16(gradient);
    });
  });
}

// Two steps from scale 65536; the loss of worker r has gradient factors[r].
void Train(const std::vector<float>& factors, bool first_overflows) {
  RunWorkers(static_cast<int>(factors.size()), [&](Worker& worker) {
    Tensor w = Tensor::Zeros({20}, {DType::kF16, worker.device()});
    w.SetRequiresGrad();
    DataParallel net(worker, {{"w", w}});
    LossScaler scaler(worker.device());
    Sgd sgd(net.Parameters(), {.lr = 1});
    for (int step = 1; step <= 2; ++step) {
      net.Backward(Loss(w, factors[static_cast<size_t>(worker.rank())]), 1.0 / worker.world_size(),
                   {.scaler = &scaler});
      sgd.Step({.scaler = &scaler});
      const StepStatus status = sgd.ReadStatus();
      Expect(status.skipped == (step == 1 && first_overflows),
             fmt::format("worker {} step {}: skipped {}", worker.rank(), step, status.skipped));
    }
    float mean = 0;
    for (const float factor : factors) mean += factor / static_cast<float>(factors.size());
    const float expected = -mean * (first_overflows ? 1 : 2);
    for (const Float16 value : w.ToVector<Float16>()) {
      Expect(
          static_cast<float>(value) == expected,
          fmt::format("worker {}: {} for {}", worker.rank(), static_cast<float>(value), expected));
    }
    const double scale = first_overflows ? 32768 : 65536;
    Expect(scaler.scale() == scale, fmt::format("a scale of {}", scaler.scale()));
  });
}

TEST_CASE("No overflow: no step is skipped") { Train({0.25, 0.5}, false); }

TEST_CASE("An overflow on one worker is everybody's") { Train({1, 2}, true); }

TEST_CASE("So is one that only the sum has") { Train({1.5, 1.5, 1.5, 1.5}, true); }

TEST_CASE("A worker without a share takes part") {
  RunWorkers(2, [&](Worker& worker) {
    Tensor w = Tensor::Zeros({3}, {DType::kF16, worker.device()});
    w.SetRequiresGrad();
    DataParallel net(worker, {{"w", w}});
    LossScaler scaler(worker.device(), {.initial = 1024});
    Sgd sgd(net.Parameters(), {.lr = 1});
    net.Backward(Loss(w, 1), worker.rank() == 0 ? 1 : 0, {.scaler = &scaler});
    sgd.Step({.scaler = &scaler});
    ExpectEqual(static_cast<float>(w.data<Float16>()[0]), -1, "the gradient of worker 0");
  });
}

}  // namespace
}  // namespace convoy
