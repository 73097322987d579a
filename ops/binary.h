// Element-wise functions of two tensors, with broadcasting.
//
// Shape:  lhs and rhs broadcast as in NumPy: trailing dimensions aligned, 1 stretches.
// DType:  both f32, f64, bf16 or f16, the same; kept.
// Throws: Error if the shapes do not broadcast, or dtypes or devices differ (use Cast or To).
// Differentiable in both; gradients are summed over what was stretched.
#pragma once

#include "core/tensor.h"

namespace convoy {

// `Tensor Name(const Tensor& lhs, const Tensor& rhs)` for each function of the table, which says
// what it computes: Add, Sub, Mul, Div, Maximum, Minimum, Pow.
#define CONVOY_BINARY(Name, ...) Tensor Name(const Tensor& lhs, const Tensor& rhs);
#include "ops/pointwise/binary_table.h"

/// `if_true` where `condition` holds, else `if_false`.
///
/// Shape:  all three broadcast.
/// DType:  condition bool; the others as above.
Tensor Where(const Tensor& condition, const Tensor& if_true, const Tensor& if_false);

Tensor operator+(const Tensor& lhs, const Tensor& rhs);
Tensor operator-(const Tensor& lhs, const Tensor& rhs);
Tensor operator*(const Tensor& lhs, const Tensor& rhs);
Tensor operator/(const Tensor& lhs, const Tensor& rhs);
Tensor operator+(const Tensor& lhs, double rhs);
Tensor operator-(const Tensor& lhs, double rhs);
Tensor operator*(const Tensor& lhs, double rhs);
Tensor operator/(const Tensor& lhs, double rhs);
Tensor operator+(double lhs, const Tensor& rhs);
Tensor operator-(double lhs, const Tensor& rhs);
Tensor operator*(double lhs, const Tensor& rhs);
Tensor operator/(double lhs, const Tensor& rhs);

}  // namespace convoy
