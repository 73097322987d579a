// What a step decides and remembers, on the parameters' device: a step asks the host nothing.
#pragma once

#include <cstdint>

#include "core/view.h"

namespace convoy {

/// The layout of `Optimizer::status()`, all f64. Written by the step itself; `lr` by set_lr.
struct StepControl {
  double lr;
  double grad_scale;     ///< gradients count times this: clipping, over the loss scale
  double skip;           ///< 1: this step changes nothing
  double correction1;    ///< 1 - beta1^steps
  double correction2;    ///< 1 - beta2^steps
  double grad_norm;      ///< of all gradients, without the loss scale; NaN if not measured
  double loss_scale;     ///< that the gradients of this step have; 1 without a scaler
  double steps;          ///< applied so far
  double skipped_steps;  ///< not applied so far
  double stopped;        ///< 1: NonFinite::kStop has found a gradient that is not finite
  double bad_step;       ///< newest step that was not finite, from 1, skipped ones counted; 0: none
  double
      bad_parameter;  ///< its first such parameter, in bucket order; -1: none, only the total overflowed

  static constexpr int64_t kFields = 12;
};
static_assert(sizeof(StepControl) == StepControl::kFields * sizeof(double));

/// The state of a LossScaler, all f64.
struct ScalerState {
  double scale;
  double good_steps;  ///< since the scale last changed

  static constexpr int64_t kFields = 2;
};

/// Steps of all runs, i64: what a checkpoint keeps.
struct StepCounters {
  int64_t steps;
  int64_t skipped_steps;

  static constexpr int64_t kFields = 2;
};

/// The elements of such a tensor, in its device's memory.
inline StepControl* ControlOf(const View& tensor) {
  return reinterpret_cast<StepControl*>(tensor.data<double>());
}
inline ScalerState* ScalerOf(const View& tensor) {
  return tensor.defined() ? reinterpret_cast<ScalerState*>(tensor.data<double>()) : nullptr;
}
inline StepCounters* CountersOf(const View& tensor) {
  return reinterpret_cast<StepCounters*>(tensor.data<int64_t>());
}

}  // namespace convoy
