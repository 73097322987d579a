// Kernel slot of Cast.
#pragma once

#include "core/view.h"
#include "ops/kernel.h"

namespace convoy {

/// y = x, converted to the dtype of y as ops/cast.h says.
inline constinit Kernel<void(const View& x, const View& y)> cast_forward{"Cast"};

}  // namespace convoy
