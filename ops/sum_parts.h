// The kernel slot that finishes a sum over rows: parameter gradients of Linear and of the norms.
#pragma once

#include "core/view.h"
#include "ops/kernel.h"

namespace convoy {

/// to (C) (+)= the sum of the rows of `parts` (chunks, C), in their order; parts are f32, or f64
/// for an f64 target.
inline constinit Kernel<void(const View& parts, const GradTarget& to)> sum_parts{"SumParts"};

}  // namespace convoy
