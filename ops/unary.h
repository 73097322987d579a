// Element-wise functions of one tensor.
//
// Unless said otherwise: any shape -> the same shape; dtype f32, f64, bf16, f16, kept; Error on
// another dtype; differentiable everywhere (at a kink the gradient is the one of PyTorch, but for
// Clamp).
#pragma once

#include "core/tensor.h"

namespace convoy {

Tensor Neg(const Tensor& x);
/// |x|; the gradient at 0 is 0.
Tensor Abs(const Tensor& x);
Tensor Exp(const Tensor& x);
/// Natural logarithm; NaN below 0, -inf at 0.
Tensor Log(const Tensor& x);
Tensor Sqrt(const Tensor& x);
/// 1 / sqrt(x).
Tensor Rsqrt(const Tensor& x);
Tensor Tanh(const Tensor& x);
/// 1 / (1 + exp(-x)).
Tensor Sigmoid(const Tensor& x);
/// max(x, 0); the gradient at 0 is 0.
Tensor Relu(const Tensor& x);
/// x * Sigmoid(x).
Tensor Silu(const Tensor& x);

enum class GeluKind {
  kExact,  ///< x * Phi(x), Phi the normal distribution function (erf)
  kTanh,   ///< GPT-2's approximation: x/2 * (1 + tanh(sqrt(2/pi) * (x + 0.044715 x^3)))
};
Tensor Gelu(const Tensor& x, GeluKind kind = GeluKind::kExact);

/// min(max(x, low), high); an infinite limit is none. The gradient is 1 where low <= x <= high,
/// limits included, and 0 elsewhere and for NaN. PyTorch agrees at a single limit, but its gradient
/// is 0 at both limits where two are set.
/// Throws: Error if low > high.
Tensor Clamp(const Tensor& x, double low, double high);
/// x to a constant power.
Tensor Pow(const Tensor& x, double exponent);

Tensor operator-(const Tensor& x);

}  // namespace convoy
