// Matrix products.
#pragma once

#include "core/tensor.h"

namespace convoy {

struct MatMulOptions {
  bool transpose_lhs = false;  ///< use lhs with its last two dimensions swapped
  bool transpose_rhs = false;  ///< use rhs with its last two dimensions swapped
};

/// Matrix product over the last two dimensions.
///
/// Shape:  (..., M, K) x (..., K, N) -> (..., M, N), each of the matrices transposed if asked;
///         leading dimensions are the same, or one side is a single matrix (2-D) used for all.
/// DType:  f32, f64, bf16, f16, the same on both sides; kept; bf16 and f16 accumulate in f32.
/// Throws: Error if inner or leading dimensions, dtypes or devices differ.
/// A call repeated gives the same bits; with another number of threads the last ones may differ.
Tensor MatMul(const Tensor& lhs, const Tensor& rhs, MatMulOptions options = {});

}  // namespace convoy
