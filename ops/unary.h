// Element-wise functions of one tensor.
//
// Unless said otherwise: any shape -> the same shape; dtype f32, f64, bf16, f16, kept; Error on
// another dtype; differentiable everywhere (at a kink the gradient is the one of PyTorch, but for
// Clamp).
#pragma once

#include "core/tensor.h"

namespace convoy {

// `Tensor Name(const Tensor& x)` for each function of the table, which says what it computes: Neg,
// Abs, Exp, Log, Sqrt, Rsqrt, Tanh, Sigmoid, Relu, Silu, Gelu, GeluTanh.
#define CONVOY_UNARY(Name, ...) Tensor Name(const Tensor& x);
#include "ops/pointwise/unary_table.h"

enum class GeluKind {
  kExact,  ///< Gelu: x * Phi(x), Phi the normal distribution function (erf)
  kTanh,   ///< GeluTanh, GPT-2's approximation of it
};
Tensor Gelu(const Tensor& x, GeluKind kind);

/// min(max(x, low), high); an infinite limit is none. The gradient is 1 where low <= x <= high,
/// limits included, and 0 elsewhere and for NaN. PyTorch agrees at a single limit, but its gradient
/// is 0 at both limits where two are set.
/// Throws: Error if low > high.
Tensor Clamp(const Tensor& x, double low, double high);
/// x to a constant power.
Tensor Pow(const Tensor& x, double exponent);

Tensor operator-(const Tensor& x);

}  // namespace convoy
