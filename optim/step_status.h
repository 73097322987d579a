// What a step did, as the host reads it.
#pragma once

#include <cstdint>
#include <string>

namespace convoy {

/// Of the newest step when Optimizer::status() was read.
struct StepStatus {
  int64_t steps = 0;          ///< applied so far, over all runs if the state was loaded
  int64_t skipped_steps = 0;  ///< not applied so far
  bool skipped = false;       ///< the newest step changed nothing
  bool stopped = false;       ///< NonFinite::kStop: no step since `bad_step` was applied
  double grad_norm = 0;   ///< before clipping, without the loss scale; NaN if it was not measured
  double loss_scale = 1;  ///< that the newest gradients had

  /// The newest step whose gradients were not finite, counted from 1, skipped ones included; 0:
  /// none so far.
  int64_t bad_step = 0;
  /// The first parameter, in the order in which backward fills buckets, whose gradient had a norm
  /// that was not finite then. Empty if only the norm of all gradients overflowed.
  std::string bad_parameter;
};

}  // namespace convoy
