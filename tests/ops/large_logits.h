// Softmax and its kin where the greatest number of a row is large: what must not be rounded to its
// precision. For every device.
#pragma once

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <vector>

#include "core/autograd.h"
#include "ops/attention.h"
#include "ops/cast.h"
#include "ops/loss.h"
#include "ops/softmax.h"
#include "tests/ops/evaluate.h"

namespace convoy {

/// The loss of the first row, log(1 + e^-8) = 0.000335, is below the precision of its greatest
/// logit, 10000, in f32: added to that, it would be lost.
inline void CheckLargeLogits(Device device) {
  const double first = std::log1p(std::exp(-8.0));
  const double second = std::log(std::exp(-2.0) + std::exp(-1.0) + 1 + std::exp(1.0));
  const Tensor labels = Tensor::From<int32_t>({2}, {0, 2}).To(device);
  const std::vector<double> values = {1e4, 1e4 - 8, 0, -1e4, 0, 1, 2, 3};
  for (const DType dtype : {DType::kF32, DType::kF64}) {
    INFO("dtype " << Name(dtype));
    Tensor logits = FromDoubles({2, 4}, values, dtype, device).SetRequiresGrad();
    const Tensor loss = CrossEntropy(logits, labels);
    CHECK(ToDoubles(loss)[0] == Approx((first + second) / 2).epsilon(1e-6));  // 0.720263
    loss.Backward();
    const std::vector<double> gradient = ToDoubles(logits.grad());
    CHECK(gradient[0] == Approx((std::exp(-first) - 1) / 2).margin(1e-7));
    CHECK(gradient[1] == Approx(std::exp(-8 - first) / 2).margin(1e-9));

    const std::vector<double> log = ToDoubles(LogSoftmax(logits));
    CHECK(log[0] == Approx(-first).margin(1e-7));  // -0.000335406
    CHECK(log[1] == Approx(-8 - first).epsilon(1e-7));
    CHECK(log[2] == Approx(-1e4 - first).epsilon(1e-7));
  }
}

/// Scores of 10000 and 9992: the weights that backward computes again still sum to 1.
inline void CheckLargeScores(Device device) {
  for (const DType dtype : {DType::kF32, DType::kF64}) {
    INFO("dtype " << Name(dtype));
    const Tensor q = FromDoubles({1, 1, 1, 1}, {128}, dtype, device);
    const Tensor k = FromDoubles({1, 2, 1, 1}, {78.125, 78.0625}, dtype, device);
    Tensor v = FromDoubles({1, 2, 1, 1}, {1, 2}, dtype, device).SetRequiresGrad();
    const Tensor out = Attention(q, k, v, {.scale = 1});
    Backward(out, {.seed = FromDoubles(out.shape(), {1}, dtype, device)});
    const std::vector<double> weights = ToDoubles(v.grad());
    CHECK(weights[0] + weights[1] == Approx(1).epsilon(1e-6));
    CHECK(weights[1] == Approx(1 / (1 + std::exp(8.0))).epsilon(1e-3));
  }
}

}  // namespace convoy
