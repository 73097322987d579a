// Point-wise ops and reductions where the op table cannot look: kinks, ties, memory, precision,
// and the scalar build of the formulas.
#include <cmath>
#include <limits>
#include <vector>

#include "core/autograd.h"
#include "core/backend.h"
#include "ops/binary.h"
#include "ops/cast.h"
#include "ops/pointwise/scalar_math.h"
#include "ops/pointwise/unary-inl.h"
#include "ops/reduce.h"
#include "ops/unary.h"
#include "tests/ops/drivers.h"

namespace convoy {
namespace {

using Floats = std::vector<float>;

Tensor Leaf(const Floats& values) {
  Tensor x = Tensor::From({static_cast<int64_t>(values.size())}, values);
  return x.SetRequiresGrad();
}

// Gradient of Sum(f(x)).
template <typename F>
Floats Gradient(const Floats& values, F f) {
  const Tensor x = Leaf(values);
  Sum(f(x)).Backward();
  return x.grad().ToVector<float>();
}

TEST_CASE("at a kink the gradient is the documented one") {
  CHECK(Gradient({-1, 0, 1}, [](const Tensor& x) { return Abs(x); }) == Floats{-1, 0, 1});
  CHECK(Gradient({-1, 0, 1}, [](const Tensor& x) { return Relu(x); }) == Floats{0, 0, 1});
  constexpr double kInf = std::numeric_limits<double>::infinity();
  CHECK(Gradient({-2, -1, 0, 1, 2, NAN}, [](const Tensor& x) { return Clamp(x, -1, 1); }) ==
        Floats{0, 1, 1, 1, 0, 0});
  CHECK(Gradient({-2, -1, 0}, [](const Tensor& x) { return Clamp(x, -1, kInf); }) ==
        Floats{0, 1, 1});
  CHECK(Gradient({0, 1, 2}, [](const Tensor& x) { return Clamp(x, -kInf, 1); }) == Floats{1, 1, 0});
  CHECK(Gradient({0, 2}, [](const Tensor& x) { return Pow(x, 0.0); }) == Floats{0, 0});
}

TEST_CASE("equal maxima share the gradient evenly") {
  CHECK(Gradient({3, 1, 3, 3}, [](const Tensor& x) { return Max(x) * 6.0; }) == Floats{2, 0, 2, 2});
}

TEST_CASE("activations have no NaN at the ends of the line") {
  const float inf = std::numeric_limits<float>::infinity();
  const Floats ends = {-inf, -3e38f, 3e38f, inf};
  const Floats y = {-0.0f, -0.0f, 3e38f, inf}, slope = {0, 0, 1, 1};
  for (const auto f :
       {+[](const Tensor& x) { return Silu(x); }, +[](const Tensor& x) { return Gelu(x); },
        +[](const Tensor& x) { return Gelu(x, GeluKind::kTanh); }}) {
    CHECK(f(Tensor::From({4}, ends)).ToVector<float>() == y);
    CHECK(Gradient(ends, f) == slope);
  }
}

TEST_CASE("everyday exponents are computed as products and roots") {
  const Tensor x = Tensor::From({3}, Floats{0.1f, 1.7f, 3.3f});
  CHECK(Pow(x, 2).ToVector<float>() == Mul(x, x).ToVector<float>());
  CHECK(Pow(x, 3).ToVector<float>() == Mul(Mul(x, x), x).ToVector<float>());
  CHECK(Pow(x, 0.5).ToVector<float>() == Sqrt(x).ToVector<float>());
  CHECK(Pow(x, -0.5).ToVector<float>() == Rsqrt(x).ToVector<float>());
  CHECK(Pow(x, -1).ToVector<float>() == (1.0 / x).ToVector<float>());
}

TEST_CASE("a number as operand takes no memory, and adding no gradient memory") {
  Tensor x = Tensor::Zeros({1000, 1000}).SetRequiresGrad();
  Backend& cpu = GetBackend(DeviceType::kCpu);
  const auto allocations = [&] { return cpu.Stats({}).allocations; };
  int64_t before = allocations();
  const Tensor y = x * 2.0;
  CHECK(allocations() - before == 1);  // y

  const Tensor sum = y + 1.0 + y;
  before = allocations();
  Backward(sum, {.seed = x.Detach()});
  // Both gradients of y are the seed itself; their sum and the gradient of x are the only tensors.
  CHECK(allocations() - before == 2);
}

TEST_CASE("backward of a chain works in one tensor") {
  Tensor x = Tensor::Full({1000, 1000}, 0.5).SetRequiresGrad();
  Tensor y = x;
  for (int i = 0; i < 4; ++i) y = Gelu(Tanh(y)) * 1.5;
  const Tensor seed = Tensor::Full({1000, 1000}, 1);
  Backend& cpu = GetBackend(DeviceType::kCpu);
  const int64_t before = cpu.Stats({}).allocations;
  Backward(y, {.seed = seed});
  CHECK(cpu.Stats({}).allocations - before <= 2);  // a copy of the seed, and the gradient of x
}

TEST_CASE("long f32 sums keep their precision") {
  // One after the other, three million equal terms would be off by a percent.
  const int64_t n = 3'000'001;
  const Tensor x = Tensor::Full({n}, 0.1f);
  const double exact = static_cast<double>(0.1f) * static_cast<double>(n);
  CHECK(Sum(x).Item<float>() == Approx(exact).epsilon(1e-6));
  CHECK(Mean(x).Item<float>() == Approx(0.1f).epsilon(1e-6));
  const Tensor columns = Tensor::Full({100'003, 7}, 0.1f);
  for (const float sum : Sum(columns, {0}).ToVector<float>()) {
    CHECK(sum == Approx(static_cast<double>(0.1f) * 100'003).epsilon(1e-6));
  }
}

TEST_CASE("gradients of 16-bit operands that were stretched are summed before they are rounded") {
  const Tensor ones = Cast(Tensor::Full({4096, 1}, 1), DType::kBF16);
  const Tensor third = Cast(Tensor::Full({4096, 3}, 1.0 / 3), DType::kBF16);
  Tensor b = Cast(Tensor::Full({3}, 3), DType::kBF16).SetRequiresGrad();
  Backward(ones / b, {.seed = third});  // -4096 * (1/3) / 9
  for (const double sum : ToDoubles(b.grad())) {
    CHECK(sum == Approx(-4096.0 / 27).epsilon(0x1p-8));
  }
}

// In f64, where the vector and the scalar build are both right to the last digits.
template <class F>
void CheckScalar(F f, Tensor (*op)(const Tensor&), double low, double high) {
  const scalar::Scalar<double> m;
  for (double x = low; x < high; x += 0.37) {
    Tensor leaf = Tensor::Scalar(x).SetRequiresGrad();
    const Tensor y = op(leaf);
    y.Backward();
    INFO("at " << x);
    CHECK(f.Forward(m, x) == Approx(y.Item<double>()).epsilon(1e-12).margin(1e-14));
    const double saved = F::kSaves == Saves::kOutput ? y.Item<double>() : x;
    CHECK(f.Backward(m, 1.0, saved) ==
          Approx(leaf.grad().Item<double>()).epsilon(1e-12).margin(1e-14));
  }
}

TEST_CASE("the scalar build of the formulas agrees with the vector build") {
#define CONVOY_UNARY(Name, op, saves, low, high, ...) CheckScalar(scalar::Name(), Name, low, high);
#include "ops/pointwise/unary_table.h"
  CheckScalar(
      scalar::Clamp{-1, 1}, +[](const Tensor& x) { return Clamp(x, -1, 1); }, -3, 3);
  CheckScalar(
      scalar::PowOfConstant{2.5}, +[](const Tensor& x) { return Pow(x, 2.5); }, 0.1, 3);
}

}  // namespace
}  // namespace convoy
