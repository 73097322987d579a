// Dynamic loss scaling: seeds, growth, backoff, and what the optimizer makes of it.
#include "optim/loss_scaler.h"

#include <catch2/catch.hpp>
#include <limits>

#include "core/autograd.h"
#include "core/base/error.h"
#include "optim/sgd.h"

namespace convoy {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

Tensor Leaf(int64_t n, DType dtype = DType::kF32) {
  Tensor tensor = Tensor::Zeros({n}, {dtype, Device::Cpu()});
  tensor.SetRequiresGrad();
  return tensor;
}

void GiveGradient(const Tensor& leaf, double value) {
  MarkGradFresh(leaf);
  leaf.grad().CopyFrom(Tensor::Full(leaf.shape(), value, leaf.options()));
}

TEST_CASE("The seed is the weight times the scale, in the loss's dtype") {
  const LossScaler scaler(Device::Cpu(), {.initial = 1024});
  REQUIRE(scaler.Seed(Tensor::Scalar(0.0f), 0.25).Item<float>() == 256);
  REQUIRE(scaler.Seed(Tensor::Scalar(0.0), 0.1).Item<double>() == 102.4);
  const Tensor narrow = Tensor::Zeros({}, {DType::kF16, Device::Cpu()});
  REQUIRE(static_cast<float>(scaler.Seed(narrow, 2).Item<Float16>()) == 2048);
  REQUIRE_THROWS_WITH(scaler.Seed(Tensor::Zeros({2}), 1),
                      "[LossScaler] wants a scalar loss, got shape (2)");
  REQUIRE_THROWS_WITH(scaler.Seed(Tensor::Scalar(0.0f, Device::Cpu(1)), 1),
                      "[LossScaler] the loss is on cpu:1, but the scaler on cpu:0");
}

TEST_CASE("Gradients are divided by the scale, and their norm is that without it") {
  const Tensor x = Leaf(4), y = Leaf(4);
  Sgd a(ParameterList{{"x", x}}, {.lr = 0.1}), b(ParameterList{{"y", y}}, {.lr = 0.1});
  LossScaler scaler(Device::Cpu(), {.initial = 4096});
  for (int step = 0; step < 5; ++step) {
    const double gradient = 0.25 + step;
    GiveGradient(x, gradient * 4096);
    GiveGradient(y, gradient);
    a.Step({.max_grad_norm = 3, .scaler = &scaler});
    b.Step({.max_grad_norm = 3});
    REQUIRE(a.ReadStatus().grad_norm == 2 * gradient);
    REQUIRE(a.ReadStatus().loss_scale == 4096);
  }
  REQUIRE(x.ToVector<float>() == y.ToVector<float>());
}

TEST_CASE("The scale halves when a step overflows, and doubles after enough good steps") {
  const Tensor x = Leaf(3, DType::kF16);
  Sgd sgd(ParameterList{{"x", x}}, {.lr = 1});
  LossScaler scaler(Device::Cpu(), {.initial = 64, .growth_interval = 3, .min = 16, .max = 128});
  const auto step = [&](bool good) {
    GiveGradient(x, good ? 0 : kInfinity);
    sgd.Step({.scaler = &scaler});
    REQUIRE(sgd.ReadStatus().skipped == !good);
    return scaler.scale();
  };
  REQUIRE(step(true) == 64);
  REQUIRE(step(true) == 64);
  REQUIRE(step(true) == 128);
  REQUIRE(sgd.ReadStatus().loss_scale == 64);              // that of the step, not of the next one
  for (int i = 0; i < 3; ++i) REQUIRE(step(true) == 128);  // the maximum
  REQUIRE(step(true) == 128);
  REQUIRE(step(false) == 64);  // and the count starts anew
  REQUIRE(step(true) == 64);
  REQUIRE(step(true) == 64);
  REQUIRE(step(true) == 128);
  REQUIRE(step(false) == 64);
  REQUIRE(step(false) == 32);
  REQUIRE(step(false) == 16);
  REQUIRE(step(false) == 16);  // the minimum
  REQUIRE(sgd.ReadStatus().skipped_steps == 5);
  REQUIRE(sgd.ReadStatus().bad_parameter == "x");
}

TEST_CASE("With a scaler, kStop stops when the scale can be lowered no further") {
  const Tensor x = Leaf(3);
  Sgd sgd(ParameterList{{"x", x}}, {});
  LossScaler scaler(Device::Cpu(), {.initial = 2});
  const auto step = [&] {
    GiveGradient(x, kInfinity);
    sgd.Step({.non_finite = NonFinite::kStop, .scaler = &scaler});
    return sgd.ReadStatus();
  };
  sgd.CheckNotStopped(step());
  REQUIRE_THROWS_WITH(sgd.CheckNotStopped(step()),
                      "[Sgd] step 2: the norm of the gradient of 'x' is not finite");
}

TEST_CASE("A scaler's state can be saved and goes on from what is loaded") {
  LossScaler a(Device::Cpu(), {.initial = 8, .growth_interval = 2});
  LossScaler b(Device::Cpu(), {.initial = 64, .growth_interval = 2});
  const Tensor x = Leaf(1);
  Sgd sgd(ParameterList{{"x", x}}, {});
  GiveGradient(x, 1);
  sgd.Step({.scaler = &a});
  REQUIRE(a.State()[0].name == "loss_scale");
  REQUIRE(a.State()[1].name == "good_steps");
  for (size_t i = 0; i < 2; ++i) b.State()[i].tensor.CopyFrom(a.State()[i].tensor);
  GiveGradient(x, 1);
  sgd.Step({.scaler = &b});
  REQUIRE(b.scale() == 16);
}

TEST_CASE("Options that make no sense are refused") {
  const auto make = [](const LossScalerOptions& options) { LossScaler(Device::Cpu(), options); };
  REQUIRE_THROWS_WITH(make({.initial = 0}),
                      "[LossScaler] wants 0 < min <= initial <= max, got 1, 0, 16777216");
  REQUIRE_THROWS_WITH(make({.growth = 0.5}), "[LossScaler] growth must be 1 or more, got 0.5");
  REQUIRE_THROWS_WITH(make({.growth_interval = 0}),
                      "[LossScaler] growth_interval must be over 0, got 0");
  REQUIRE_THROWS_WITH(make({.backoff = 1}), "[LossScaler] backoff must lie in (0, 1), got 1");
  const Tensor x = Leaf(1);
  Sgd sgd(ParameterList{{"x", x}}, {});
  LossScaler elsewhere(Device::Cpu(1));
  REQUIRE_THROWS_WITH(sgd.Step({.scaler = &elsewhere}),
                      "[Sgd] the parameters are on cpu:0, but the loss scaler on cpu:1");
}

}  // namespace
}  // namespace convoy
