// Sums, means, maxima over some or all dimensions.
#pragma once

#include <vector>

#include "core/tensor.h"

namespace convoy {

/// Sum over `axes` (negative counts from the end; none: all).
///
/// Shape:  x with the axes left out, or of extent 1 with `keep_dims`.
/// DType:  f32, f64, bf16, f16; kept; bf16 and f16 accumulate in f32.
/// Throws: Error on an axis that does not exist or is given twice.
Tensor Sum(const Tensor& x, const std::vector<int>& axes = {}, bool keep_dims = false);

/// As Sum, divided by the number of elements summed (NaN if that is none).
Tensor Mean(const Tensor& x, const std::vector<int>& axes = {}, bool keep_dims = false);

/// Greatest value, NaN if there is one; equal maxima share the gradient evenly. Shape and dtype as
/// Sum.
/// Throws: also Error if there is no element to choose from.
Tensor Max(const Tensor& x, const std::vector<int>& axes = {}, bool keep_dims = false);

/// Index along `axis` of the (first) greatest value; NaN counts as greatest. Not differentiable.
///
/// Shape:  x with the axis left out, or of extent 1 with `keep_dims`.
/// DType:  x f32, f64, bf16, f16; the result is i64.
Tensor ArgMax(const Tensor& x, int axis = -1, bool keep_dims = false);

}  // namespace convoy
