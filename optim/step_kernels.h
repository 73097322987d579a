// Kernel slots around a step's control: the norm, the decision, and the seed of backward.
#pragma once

#include <cstdint>

#include "core/view.h"
#include "ops/kernel.h"
#include "optim/decide_step.h"
#include "optim/flat_alignment.h"

namespace convoy {

/// Everything that the decision reads and writes, on one device.
struct StepBuffers {
  View control;   ///< StepControl
  View counters;  ///< StepCounters
  View parts;     ///< f64: a sum of squares for each kFlatAlignElements elements, in bucket order
  View entries;   ///< i64: the index in `parts` of each parameter's first sum, in bucket order
};

/// parts[i] = sum of the squares of elements [i * n, (i + 1) * n) of `x`, where n is
/// kFlatAlignElements, in f64 and a fixed order; `x` has a multiple of n elements.
inline constinit Kernel<void(const View& x, const View& parts)> sum_of_squares{"GradNorm"};

/// DecideStep with the sum of `parts`, and the search for the parameter to blame if there is one.
/// `scaler` (ScalerState) may be undefined.
inline constinit Kernel<void(const StepBuffers& buffers, const View& scaler, const StepRule& rule)>
    prepare_step{"Optimizer"};

/// The one element of `to` becomes weight * scaler->scale.
inline constinit Kernel<void(const View& scaler, double weight, const View& to)> fill_scaled{
    "LossScaler"};

}  // namespace convoy
