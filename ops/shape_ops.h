// Ops that move elements without changing them. Every dtype; differentiable for floating ones.
#pragma once

#include <span>
#include <vector>

#include "core/tensor.h"
#include "ops/cast.h"

namespace convoy {

/// The same elements under another shape: a free view. One extent may be -1 (worked out).
/// Throws: Error if the number of elements differs.
Tensor Reshape(const Tensor& x, const std::vector<int64_t>& shape);

/// Swaps two dimensions; copies.
Tensor Transpose(const Tensor& x, int axis0 = -2, int axis1 = -1);

/// Dimension i of the result is dimension axes[i] of `x`; copies.
/// Throws: Error unless `axes` names every dimension once.
Tensor Permute(const Tensor& x, const std::vector<int>& axes);

/// Elements [begin, end) along `axis`: a free view along dimension 0, else a copy.
/// Throws: Error unless 0 <= begin <= end <= extent.
Tensor Slice(const Tensor& x, int axis, int64_t begin, int64_t end);

/// Joins tensors along `axis`. Throws: Error if there is none, or other extents or dtypes differ.
Tensor Concat(std::span<const Tensor> tensors, int axis = 0);

/// Consecutive slices of the given sizes along `axis`. Throws: Error unless they add up.
std::vector<Tensor> Split(const Tensor& x, const std::vector<int64_t>& sizes, int axis = 0);

}  // namespace convoy
