// Kernel slot of Cast.
#pragma once

#include "core/tensor.h"
#include "ops/kernel.h"

namespace convoy {

/// y = x, converted to the dtype of y as ops/cast.h says.
inline constinit Kernel<void(const Tensor& x, const Tensor& y)> cast_forward{"Cast"};

}  // namespace convoy
