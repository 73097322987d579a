// What a step decides for itself: clipping by the global norm, and gradients that are not finite.
#include <fmt/format.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <map>
#include <string>

#include "core/autograd.h"
#include "core/base/error.h"
#include "core/random.h"
#include "core/threads.h"
#include "ops/cast.h"
#include "optim/adam.h"
#include "optim/sgd.h"
#include "tests/instruction_set.h"

namespace convoy {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

Tensor Leaf(const Shape& shape, DType dtype = DType::kF32) {
  Tensor tensor = Tensor::Zeros(shape, {dtype, Device::Cpu()});
  tensor.SetRequiresGrad();
  return tensor;
}

void FillGradient(const Tensor& leaf, double value) {
  MarkGradFresh(leaf);
  leaf.grad().CopyFrom(Tensor::Full(leaf.shape(), value, leaf.options()));
}

double MeasuredNorm(const FlatParameters& flat) {
  Sgd sgd(flat, {});
  sgd.Step({.non_finite = NonFinite::kSkip});
  return sgd.ReadStatus().grad_norm;
}

TEST_CASE("The norm runs over all parameters and gradients are clipped as PyTorch clips them") {
  const Tensor a = Leaf({1}), b = Leaf({3}, DType::kF64);
  const FlatParameters flat(ParameterList{{"a", a}, {"b", b}});
  Sgd sgd(flat, {.lr = 1});
  const auto step = [&](double max_norm) {
    a.Zero();
    for (const Tensor& p : {a, b}) MarkGradFresh(p);
    a.grad().data<float>()[0] = 3;
    b.grad().data<double>()[2] = 4;
    sgd.Step({.max_grad_norm = max_norm});
    return -double{a.Item<float>()};
  };
  REQUIRE(step(1) == Approx(0.5999999046325684).epsilon(1e-7));
  REQUIRE(sgd.ReadStatus().grad_norm == 5);
  REQUIRE(a.grad().Item<float>() == 3);  // untouched
  REQUIRE(step(10) == 3);
  REQUIRE(sgd.ReadStatus().grad_norm == 5);
  REQUIRE(step(kInfinity) == 3);
  REQUIRE(std::isnan(sgd.ReadStatus().grad_norm));  // nobody asked for it
  REQUIRE_THROWS_WITH(step(0), "[Sgd] max_grad_norm must be over 0, got 0");
}

TEST_CASE("Parameters without a gradient count as zero in the norm") {
  const Tensor a = Leaf({2}), b = Leaf({2});
  const FlatParameters flat(ParameterList{{"a", a}, {"b", b}});
  for (const Tensor& p : {a, b}) {
    MarkGradFresh(p);
    p.grad().data<float>()[0] = 2;
  }
  flat.ConsumeGradients();
  MarkGradFresh(b);
  REQUIRE(MeasuredNorm(flat) == 2);
  REQUIRE(MeasuredNorm(FlatParameters(ParameterList{})) == 0);
}

TEMPLATE_TEST_CASE("The norm is exact to f64 and the same on any number of threads", "", float,
                   double, BFloat16, Float16) {
  for (const int64_t n : {0, 1, 31, 8192, 8193, 100001}) {
    CAPTURE(n);
    std::vector<double> norms;
    double expected = 0;
    for (const int threads : {1, 2, 3}) {
      SetCpuThreads(threads);
      const Tensor x = Leaf({n}, DTypeOf<TestType>());
      const FlatParameters flat(ParameterList{{"x", x}});
      MarkGradFresh(x);
      Random(3).Normal(x.grad(), 0, 1);
      norms.push_back(MeasuredNorm(flat));
      expected = 0;
      for (const TestType v : x.grad().template ToVector<TestType>()) {
        const double value = static_cast<double>(static_cast<ComputeType<TestType>>(v));
        expected += value * value;
      }
    }
    SetCpuThreads(0);
    REQUIRE(norms[0] == Approx(std::sqrt(expected)).epsilon(1e-12));
    REQUIRE(norms[1] == norms[0]);
    REQUIRE(norms[2] == norms[0]);
  }
}

// Five parameters in three buckets; some are longer than what one partial sum covers.
struct Model {
  ParameterList list;
  FlatParameters flat;

  explicit Model(DType dtype = DType::kF32) {
    int i = 0;
    for (const int64_t n : {5, 20000, 33, 1, 9000}) {
      list.push_back({fmt::format("p{}", i++), Leaf({n}, dtype)});
      list.back().tensor.CopyFrom(Tensor::Full({n}, 1, list.back().tensor.options()));
    }
    flat = FlatParameters(list, {{4, 3}, {2, 1}, {0}});
  }

  void GiveGradients(double value) const {
    for (const NamedTensor& p : list) FillGradient(p.tensor, value);
  }
  void Spoil(size_t parameter, int64_t element, double value) const {
    const Tensor& p = list[parameter].tensor;
    p.grad().View({}, element).CopyFrom(Tensor::Full({}, value, p.options()));
  }
  /// All values and all state by name, to the last bit.
  std::map<std::string, std::vector<uint8_t>> Everything(const Optimizer& optimizer) const {
    ParameterList all = list;
    for (const StateTensor& state : optimizer.State()) {
      if (state.name != "skipped_steps") all.push_back({state.name, state.tensor});
    }
    std::map<std::string, std::vector<uint8_t>> bytes;
    for (const auto& [name, tensor] : all) {
      const auto* data = static_cast<const uint8_t*>(tensor.raw_data());
      bytes[name] = {data, data + tensor.bytes()};
    }
    return bytes;
  }
};

/// Which of the tensors differ, and from which byte on; empty if none does.
std::string Differing(const std::map<std::string, std::vector<uint8_t>>& got,
                      const std::map<std::string, std::vector<uint8_t>>& want) {
  std::string text;
  for (const auto& [name, bytes] : want) {
    const std::vector<uint8_t>& other = got.at(name);
    const auto at = std::mismatch(bytes.begin(), bytes.end(), other.begin(), other.end()).first;
    if (other == bytes) continue;
    text += fmt::format("{} from byte {} of {} on; ", name, at - bytes.begin(), bytes.size());
  }
  return text;
}

TEMPLATE_TEST_CASE("A step that is not finite is skipped and changes nothing", "", float, double,
                   BFloat16, Float16) {
  const Model model(DTypeOf<TestType>()), clean(DTypeOf<TestType>());
  AdamW adam(model.flat, {.lr = 0.1}), other(clean.flat, {.lr = 0.1});
  const StepOptions options{.max_grad_norm = 1, .non_finite = NonFinite::kSkip};
  const double bad = GENERATE(values<double>({kNaN, kInfinity, -kInfinity}));
  for (int step = 0; step < 4; ++step) {
    model.GiveGradients(0.5);
    clean.GiveGradients(0.5);
    if (step == 2) {
      model.Spoil(1, 19999, bad);
      const auto before = model.Everything(adam);
      adam.Step(options);
      REQUIRE(Differing(model.Everything(adam), before) == "");
      const StepStatus status = adam.ReadStatus();
      REQUIRE(status.skipped);
      REQUIRE_FALSE(status.stopped);
      REQUIRE(status.steps == 2);
      REQUIRE(status.skipped_steps == 1);
      REQUIRE(status.bad_step == 3);
      REQUIRE(status.bad_parameter == "p1");
      REQUIRE_FALSE(std::isfinite(status.grad_norm));
      REQUIRE_FALSE(HasFreshGrad(model.list[0].tensor));  // the next Backward overwrites
    } else {
      adam.Step(options);
      other.Step(options);
      REQUIRE_FALSE(adam.ReadStatus().skipped);
    }
  }
  // As if it had never been.
  REQUIRE(Differing(model.Everything(adam), clean.Everything(other)) == "");
  REQUIRE(adam.steps() == 3);
}

TEST_CASE("The parameter named is the first in bucket order") {
  const Model model;
  Sgd sgd(model.flat, {});
  const auto named = [&](std::vector<std::pair<size_t, int64_t>> places) {
    model.GiveGradients(1);
    for (const auto& [parameter, element] : places) model.Spoil(parameter, element, kNaN);
    sgd.Step({.non_finite = NonFinite::kSkip});
    return sgd.ReadStatus().bad_parameter;
  };
  REQUIRE(named({{0, 4}}) == "p0");
  REQUIRE(named({{0, 0}, {1, 0}}) == "p1");
  REQUIRE(named({{1, 8192}, {2, 32}}) == "p2");
  REQUIRE(named({{1, 8192}, {3, 0}}) == "p3");
  REQUIRE(named({{3, 0}, {4, 8999}}) == "p4");
}

TEST_CASE("kStop stays stopped, and its message names step and parameter") {
  const Model model;
  AdamW adam(model.flat, {});
  const StepOptions options{.non_finite = NonFinite::kStop};
  for (int step = 1; step <= 3; ++step) {
    model.GiveGradients(1);
    adam.Step(options);
  }
  const Tensor early = adam.status().Clone();
  model.GiveGradients(1);
  model.Spoil(2, 7, kNaN);
  adam.Step(options);
  const auto values = model.Everything(adam);
  for (int step = 5; step <= 8; ++step) {  // the host has not looked yet
    model.GiveGradients(1);
    if (step == 6) model.Spoil(0, 0, kNaN);
    adam.Step(options);
  }
  REQUIRE(Differing(model.Everything(adam), values) == "");
  const StepStatus status = adam.ReadStatus();
  REQUIRE(status.stopped);
  REQUIRE(status.steps == 3);
  REQUIRE_THROWS_WITH(adam.CheckNotStopped(status),
                      "[AdamW] step 4: the norm of the gradient of 'p2' is not finite");
  adam.CheckNotStopped(adam.Decode(early.ToVector<double>()));
  REQUIRE_THROWS_WITH(adam.Decode({1, 2}), "[AdamW] a status has 12 values, got 2");

  model.GiveGradients(1);
  adam.Step({.non_finite = NonFinite::kSkip});  // another choice goes on
  REQUIRE(adam.steps() == 4);
  REQUIRE_FALSE(adam.ReadStatus().stopped);
}

TEST_CASE("A norm that overflows names a parameter unless it overflows in total alone") {
  const Model model(DType::kF64);
  Sgd sgd(model.flat, {});
  model.GiveGradients(5e152);
  sgd.Step({.non_finite = NonFinite::kStop});
  REQUIRE_THROWS_WITH(sgd.CheckNotStopped(sgd.ReadStatus()),
                      "[Sgd] step 1: the norm of the gradients is not finite");
  model.GiveGradients(1);
  model.Spoil(2, 7, 1e200);
  sgd.Step({.non_finite = NonFinite::kSkip});
  REQUIRE(sgd.ReadStatus().bad_parameter == "p2");
}

TEST_CASE("By default what is not finite spreads, and nothing is measured") {
  const Model model;
  Sgd sgd(model.flat, {});
  model.GiveGradients(1);
  model.Spoil(1, 3, kInfinity);
  sgd.Step();
  REQUIRE(model.list[1].tensor.data<float>()[3] == -kInfinity);
  REQUIRE(model.list[1].tensor.data<float>()[4] == 1 - 0.01f);
  REQUIRE(sgd.ReadStatus().steps == 1);
}

TEST_CASE("A gradient that is not finite is seen at every place of a vector") {
  const double bad = GENERATE(values<double>({kNaN, kInfinity, -kInfinity}));
  const DType dtype = GENERATE(DType::kF32, DType::kF64, DType::kBF16, DType::kF16);
  const Tensor x = Leaf({67}, dtype);
  const FlatParameters flat(ParameterList{{"x", x}});
  Sgd sgd(flat, {});
  for (const int64_t target : hwy::SupportedAndGeneratedTargets()) {
    const OnlyTarget only(target);
    for (int64_t i = 0; i < x.numel(); ++i) {
      CAPTURE(bad, Name(dtype), hwy::TargetName(target), i);
      FillGradient(x, 1);
      x.grad().View({}, i).CopyFrom(Tensor::Full({}, bad, x.options()));
      sgd.Step({.max_grad_norm = 1, .non_finite = NonFinite::kSkip});
      REQUIRE(sgd.ReadStatus().skipped);
      REQUIRE(std::isfinite(Cast(x, DType::kF64).ToVector<double>()[static_cast<size_t>(i)]));
    }
  }
}

TEST_CASE("Clipping to a norm that is not finite spreads it as PyTorch does") {
  const Model model;
  Sgd sgd(model.flat, {.lr = 1});
  model.GiveGradients(0.5);
  const double bad = GENERATE(values<double>({kNaN, kInfinity}));
  model.Spoil(1, 3, bad);
  sgd.Step({.max_grad_norm = 1});
  REQUIRE(std::isnan(model.list[1].tensor.data<float>()[3]));
  for (const NamedTensor& p : model.list) {
    // The norm scales by NaN, or by 1 / infinity = 0.
    CAPTURE(bad, p.name);
    const float value = p.tensor.data<float>()[0];
    if (std::isnan(bad)) {
      REQUIRE(std::isnan(value));
    } else {
      REQUIRE(value == 1);
    }
  }
}

TEST_CASE("Before a bucket's gradients are read, its sum is waited for") {
  const Model model;
  model.GiveGradients(kNaN);
  FlatParameters flat = model.flat;
  std::vector<size_t> waits;
  for (size_t b = 0; b < flat.buckets().size(); ++b) {
    flat.SetBeforeRead(b, [&waits, &model, b] {
      waits.push_back(b);  // the sum arrives at the last moment
      const FlatBucket& bucket = model.flat.buckets()[b];
      for (const FlatEntry& entry : bucket.entries) {
        const Tensor& p = entry.parameter.tensor;
        bucket.gradients.View(p.shape(), entry.offset)
            .CopyFrom(Tensor::Full(p.shape(), 2, p.options()));
      }
    });
  }
  Sgd sgd(flat, {.lr = 1});
  const StepOptions options = GENERATE(StepOptions{}, StepOptions{.non_finite = NonFinite::kSkip});
  sgd.Step(options);
  REQUIRE(waits == std::vector<size_t>{0, 1, 2});
  for (const NamedTensor& p : model.list) REQUIRE(p.tensor.data<float>()[0] == -1);
}

}  // namespace
}  // namespace convoy
