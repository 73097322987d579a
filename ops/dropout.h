// Dropout.
#pragma once

#include "core/random.h"
#include "core/tensor.h"

namespace convoy {

/// Sets each element to 0 with probability `p` and scales the others by 1 / (1 - p). Element i is
/// dropped by number i of `stream`; backward draws the same numbers again, so no mask is stored.
/// With p = 0 the result is `x` itself.
///
/// Shape:  any -> the same.  DType: f32, f64, bf16, f16; kept.
/// Throws: Error unless 0 <= p < 1.
Tensor Dropout(const Tensor& x, double p, RandomStream stream);

}  // namespace convoy
