// Rows of a table by index.
#pragma once

#include "core/tensor.h"

namespace convoy {

/// Row indices[i] of `table`, for every i. The gradient of the table is summed in the order of the
/// indices, so it is the same for any number of threads.
///
/// Shape:  table (V, C), indices (...) -> (..., C).
/// DType:  table f32, f64, bf16, f16; kept; indices i32.
/// Throws: Error if an index lies outside [0, V) (checked on CPU; on CUDA such rows are NaN).
Tensor Embedding(const Tensor& table, const Tensor& indices);

}  // namespace convoy
