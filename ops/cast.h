// Conversion between element types.
#pragma once

#include "core/tensor.h"

namespace convoy {

/// Converts each element; to its own dtype, `x` itself. Differentiable between floating dtypes.
///
/// To a narrower floating dtype: rounds to nearest even. Floating to integer: truncates; beyond
/// the range the nearest limit, NaN becomes 0. Between integers: modulo 2^bits. To bool: whether
/// it is not 0 (NaN is not). From bool: 0 or 1.
///
/// Shape: any -> the same.  DType: any -> `dtype`.
Tensor Cast(const Tensor& x, DType dtype);

}  // namespace convoy
