// Cases at the edges of dtypes: MatMul, Linear and Attention, each beside its formula.
#include <cmath>
#include <limits>

#include "ops/attention.h"
#include "ops/linear.h"
#include "ops/matmul.h"
#include "tests/ops/extremes.h"

namespace convoy {
namespace {

using Real = long double;

// a (m, k) and b (k, n), or (n, k) if transposed; c (n) is a bias, or null. The gradients are those
// of a, b and c.
PlainResult Product(const Wide& a, const Wide& b, bool transposed, const Wide* c, size_t m,
                    size_t k, size_t n, const Wide& dy) {
  PlainResult result{Wide(m * n), {Wide(m * k), Wide(k * n), Wide(n)}};
  for (size_t i = 0; i < m; ++i) {
    for (size_t j = 0; j < n; ++j) {
      Real& y = result.output[i * n + j];
      for (size_t l = 0; l < k; ++l) {
        const size_t at = transposed ? j * k + l : l * n + j;
        y += a[i * k + l] * b[at];
        result.grads[0][i * k + l] += dy[i * n + j] * b[at];
        result.grads[1][at] += dy[i * n + j] * a[i * k + l];
      }
      if (c != nullptr) y += (*c)[j];
      result.grads[2][j] += dy[i * n + j];
    }
  }
  if (c == nullptr) result.grads.pop_back();
  return result;
}

const ExtremeCases kProducts{
    {.op = "MatMul",
     .name = "long sums",
     .placement = Placement::kSingle,
     .shapes =
         [](int64_t n) {
           return std::vector<Shape>{{3, n}, {n, 2}};
         },
     .run = [](Inputs in) { return MatMul(in[0], in[1]); },
     .plain = [](const std::vector<Wide>& in, const Wide& dy,
                 size_t n) { return Product(in[0], in[1], false, nullptr, 3, n, 2, dy); },
     .error = ErrorMeasure::kOfMagnitude},
    {.op = "MatMul",
     .name = "wide",
     .placement = Placement::kSingle,
     .shapes =
         [](int64_t n) {
           return std::vector<Shape>{{2, 3}, {3, n}};
         },
     .run = [](Inputs in) { return MatMul(in[0], in[1]); },
     .plain = [](const std::vector<Wide>& in, const Wide& dy,
                 size_t n) { return Product(in[0], in[1], false, nullptr, 2, 3, n, dy); },
     .error = ErrorMeasure::kOfMagnitude},
    {.op = "Linear",
     .placement = Placement::kSingle,
     .shapes =
         [](int64_t n) {
           return std::vector<Shape>{{3, n}, {5, n}, {5}};
         },
     .run = [](Inputs in) { return Linear(in[0], in[1], in[2]); },
     .plain = [](const std::vector<Wide>& in, const Wide& dy,
                 size_t n) { return Product(in[0], in[1], true, &in[2], 3, n, 5, dy); },
     .error = ErrorMeasure::kOfMagnitude},
    {.op = "Linear",
     .name = "with ReLU",
     .placement = Placement::kSingle,
     .shapes =
         [](int64_t n) {
           return std::vector<Shape>{{2, 3}, {n, 3}, {n}};
         },
     .run = [](Inputs in) { return Linear(in[0], in[1], in[2], Activation::kRelu); },
     .plain =
         [](const std::vector<Wide>& in, const Wide& dy, size_t n) {
           Wide y = Product(in[0], in[1], true, &in[2], 2, 3, n, dy).output, dz = dy;
           for (size_t i = 0; i < y.size(); ++i) {
             if (y[i] > 0 || std::isnan(y[i])) continue;
             y[i] = 0;
             dz[i] = 0;
           }
           PlainResult result = Product(in[0], in[1], true, &in[2], 2, 3, n, dz);
           result.output = y;
           return result;
         },
     .error = ErrorMeasure::kOfMagnitude},
};

constexpr size_t kDim = 4;

// One head of n queries and keys. What the mask hides is not read.
PlainFunction PlainAttention(bool causal) {
  return [causal](const std::vector<Wide>& in, const Wide& dy, size_t n) {
    const Wide &q = in[0], &k = in[1], &v = in[2];
    PlainResult result{Wide(n * kDim), {Wide(n * kDim), Wide(n * kDim), Wide(n * kDim)}};
    const Real scale = 1 / std::sqrt(static_cast<Real>(kDim));
    for (size_t i = 0; i < n; ++i) {
      const size_t keys = causal ? i + 1 : n;
      Wide p(keys);
      Real max = -std::numeric_limits<Real>::infinity(), sum = 0, delta = 0;
      for (size_t j = 0; j < keys; ++j) {
        for (size_t d = 0; d < kDim; ++d) p[j] += scale * q[i * kDim + d] * k[j * kDim + d];
        if (p[j] > max) max = p[j];
      }
      if (std::isinf(max) && max < 0) max = 0;  // all weights are then 0
      for (Real& weight : p) sum += weight = std::exp(weight - max);
      for (Real& weight : p) weight = sum == 0 ? 0 : weight / sum;
      for (size_t d = 0; d < kDim; ++d) {
        Real& out = result.output[i * kDim + d];
        for (size_t j = 0; j < keys; ++j) out += p[j] * v[j * kDim + d];
        delta += out * dy[i * kDim + d];
      }
      for (size_t j = 0; j < keys; ++j) {
        Real dp = 0;
        for (size_t d = 0; d < kDim; ++d) {
          dp += dy[i * kDim + d] * v[j * kDim + d];
          result.grads[2][j * kDim + d] += p[j] * dy[i * kDim + d];
        }
        const Real ds = p[j] * (dp - delta) * scale;
        for (size_t d = 0; d < kDim; ++d) {
          result.grads[0][i * kDim + d] += ds * k[j * kDim + d];
          result.grads[1][j * kDim + d] += ds * q[i * kDim + d];
        }
      }
    }
    return result;
  };
}

ExtremeCase AttentionCase(bool causal) {
  return {.op = "Attention",
          .name = causal ? "causal" : "",
          .placement = Placement::kSingle,
          .shapes =
              [](int64_t n) {
                const Shape shape{1, n, 1, kDim};
                return std::vector<Shape>{shape, shape, shape};
              },
          .run = [causal](Inputs in) { return Attention(in[0], in[1], in[2], {.causal = causal}); },
          .plain = PlainAttention(causal),
          .error = ErrorMeasure::kOfMagnitude};
}

const ExtremeCases kAttention{AttentionCase(false), AttentionCase(true)};

}  // namespace
}  // namespace convoy
