// Long f32 sums: they are added up in blocks, so that rounding errors do not grow with their
// length.
#include <algorithm>
#include <array>
#include <cmath>
#include <random>
#include <utility>
#include <vector>

#include "core/autograd.h"
#include "ops/embedding.h"
#include "ops/linear.h"
#include "ops/matmul.h"
#include "ops/norm.h"
#include "tests/instruction_set.h"
#include "tests/ops/drivers.h"

namespace convoy {
namespace {

// In [0.5, 1.5): sums only grow, and thousands of terms added one after the other would err by ten
// to a hundred roundings.
Tensor Positive(const Shape& shape, unsigned seed) {
  std::mt19937 generator(seed);
  std::uniform_real_distribution<float> uniform(0.5f, 1.5f);
  std::vector<double> values(static_cast<size_t>(shape.numel()));
  for (double& value : values) value = double{uniform(generator)};
  return FromDoubles(shape, values, DType::kF32);
}

// The greatest error, in units of 2^-24 of the value: half of it is what rounding once may err.
double Roundings(const Tensor& got, const Tensor& want) {
  const std::vector<double> g = ToDoubles(got), w = ToDoubles(want);
  double worst = 0;
  for (size_t i = 0; i < g.size(); ++i) {
    worst = std::max(worst, std::abs(g[i] - w[i]) / std::abs(w[i]) * 0x1p24);
  }
  return worst;
}

constexpr double kFew = 6;  // roundings; the longest sum below has 20,000 terms

// Runs `f` forward, and backward from a positive gradient, and compares output and gradients with
// those in f64.
void CheckSums(const RunFunction& f, const std::vector<Tensor>& inputs) {
  const auto run = [&](DType dtype) {
    std::vector<Tensor> leaves;
    for (const Tensor& input : inputs) {
      leaves.push_back(Convert(input, dtype).Clone());
      if (IsFloating(leaves.back().dtype())) leaves.back().SetRequiresGrad();
    }
    Result result{f(leaves), {}};
    Backward(result.output, {.seed = Convert(Positive(result.output.shape(), 9), dtype)});
    for (const Tensor& leaf : leaves) result.grads.push_back(leaf.grad());
    return result;
  };
  const Result got = run(DType::kF32), want = run(DType::kF64);
  CHECK(Roundings(got.output, want.output) <= kFew);
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (!got.grads[i].defined()) continue;
    INFO("gradient of input " << i);
    CHECK(Roundings(got.grads[i], want.grads[i]) <= kFew);
  }
}

TEST_CASE("Linear with few outputs, forward and backward") {
  for (const int64_t target : hwy::SupportedAndGeneratedTargets()) {
    if (target == HWY_SCALAR) continue;  // one lane has all terms to itself
    INFO("instruction set " << hwy::TargetName(target));
    const OnlyTarget only(target);
    for (const auto& [rows, k, n] : {std::array<int64_t, 3>{64, 300, 2},
                                     {3, 5000, 3},
                                     {5000, 33, 1},
                                     {2055, 515, 4},
                                     {1, 4099, 70}}) {
      INFO(rows << " rows, " << k << " inputs, " << n << " outputs");
      // Sums over more outputs than these are short, or the library's.
      CheckSums([](Inputs in) { return Linear(in[0], in[1], in[2]); },
                {Positive({rows, k}, 1), Positive({n, k}, 2), Positive({n}, 3)});
    }
  }
}

TEST_CASE("products with few rows or columns, in every layout") {
  for (const bool transpose_lhs : {false, true}) {
    for (const bool transpose_rhs : {false, true}) {
      const MatMulOptions options{.transpose_lhs = transpose_lhs, .transpose_rhs = transpose_rhs};
      for (const auto& [m, n] : {std::pair<int64_t, int64_t>{1, 1}, {2, 700}, {700, 2}, {4, 4}}) {
        constexpr int64_t kDepth = 3001;
        INFO(m << " x " << n << ", " << transpose_lhs << transpose_rhs);
        const Tensor a = Positive(transpose_lhs ? Shape{2, kDepth, m} : Shape{2, m, kDepth}, 1);
        const Tensor b = Positive(transpose_rhs ? Shape{2, n, kDepth} : Shape{2, kDepth, n}, 2);
        const Tensor want = MatMul(Convert(a, DType::kF64), Convert(b, DType::kF64), options);
        CHECK(Roundings(MatMul(a, b, options), want) <= kFew);
      }
    }
  }
}

TEST_CASE("gradients that sum over thousands of rows") {
  CheckSums([](Inputs in) { return Linear(in[0], in[1], in[2]); },
            {Positive({9000, 3}, 1), Positive({5, 3}, 2), Positive({5}, 3)});
  // The gradient of LayerNorm's bias; those of its input and weight are differences.
  const auto bias_gradient = [](DType dtype) {
    const Tensor x = Convert(Positive({20000, 7}, 1), dtype);
    const Tensor weight = Convert(Positive({7}, 2), dtype);
    const Tensor bias = Convert(Positive({7}, 3), dtype).Clone().SetRequiresGrad();
    const Tensor y = LayerNorm(x, weight, bias);
    Backward(y, {.seed = Convert(Positive(y.shape(), 4), dtype)});
    return bias.grad();
  };
  CHECK(Roundings(bias_gradient(DType::kF32), bias_gradient(DType::kF64)) <= kFew);
  const Tensor indices = Tensor::Zeros({20000}, {DType::kI32});
  for (const int64_t width : {5, 200}) {
    CheckSums([&](Inputs in) { return Embedding(in[0], indices); }, {Positive({1, width}, 1)});
  }
}

}  // namespace
}  // namespace convoy
