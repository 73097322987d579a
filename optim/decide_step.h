// Turns the gradients' norm into what a step does: the same code on the CPU and on a GPU.
#pragma once

#include <cmath>
#include <cstdint>

#include "core/host_device.h"
#include "optim/step_control.h"

namespace convoy {

/// What a step does when the gradients' norm is not finite.
enum class NonFinite : uint8_t {
  kPropagate,  ///< go on: the values become NaN or infinite too
  kSkip,       ///< leave out this step
  kStop,       ///< leave out this step and all that follow
};

/// How a loss scale changes (optim/loss_scaler.h).
struct ScalerRule {
  double growth = 1;
  double growth_interval = 1;
  double backoff = 1;
  double min = 1;
  double max = 1;
};

/// What is fixed for a step before it starts.
struct StepRule {
  double max_grad_norm;
  NonFinite non_finite;
  bool measure;  ///< the sum of squares is there
  double beta1, beta2;
  ScalerRule scaler;
};

/// Fills `control` for this step and counts it. `sum_of_squares` is that of all gradients, as they
/// are; `scaler` is null without one. Returns whether the step is the first to see gradients that
/// are not finite and act on it: the caller then looks for the parameter.
CONVOY_HOST_DEVICE inline bool DecideStep(const StepRule& rule, double sum_of_squares,
                                          StepControl& control, StepCounters& counters,
                                          ScalerState* scaler) {
  if (rule.non_finite == NonFinite::kStop && control.stopped != 0) {
    control.skip = 1;
    control.skipped_steps = static_cast<double>(++counters.skipped_steps);
    return false;
  }
  control.steps = static_cast<double>(counters.steps);  // both may have been loaded meanwhile
  control.skipped_steps = static_cast<double>(counters.skipped_steps);
  const double loss_scale = scaler != nullptr ? scaler->scale : 1;
  const double norm = ::sqrt(sum_of_squares) / loss_scale;
  const bool finite = !rule.measure || norm - norm == 0;
  control.stopped = 0;
  control.loss_scale = loss_scale;
  control.grad_norm = rule.measure ? norm : NAN;
  if (!finite && (scaler != nullptr || rule.non_finite != NonFinite::kPropagate)) {
    bool overflow = false;  // the loss scale is to blame, and can still be lowered
    if (scaler != nullptr) {
      overflow = loss_scale > rule.scaler.min;
      const double lower = loss_scale * rule.scaler.backoff;
      scaler->scale = lower > rule.scaler.min ? lower : rule.scaler.min;
      scaler->good_steps = 0;
    }
    control.skip = 1;
    control.stopped = rule.non_finite == NonFinite::kStop && !overflow;
    control.skipped_steps = static_cast<double>(++counters.skipped_steps);
    control.bad_step = static_cast<double>(counters.steps + counters.skipped_steps);
    control.bad_parameter = -1;
    return true;
  }
  const double steps = static_cast<double>(++counters.steps);
  const double clip = rule.measure ? rule.max_grad_norm / (norm + 1e-6) : 1;
  control.skip = 0;
  control.grad_scale = (clip > 1 ? 1 : clip) / loss_scale;
  control.steps = steps;
  control.correction1 = 1 - ::pow(rule.beta1, steps);
  control.correction2 = 1 - ::pow(rule.beta2, steps);
  if (scaler != nullptr && ++scaler->good_steps >= rule.scaler.growth_interval) {
    const double higher = loss_scale * rule.scaler.growth;
    scaler->scale = higher < rule.scaler.max ? higher : rule.scaler.max;
    scaler->good_steps = 0;
  }
  return false;
}

/// Whether a sum is neither infinite nor NaN.
CONVOY_HOST_DEVICE inline bool IsFiniteSum(double sum) { return sum - sum == 0; }

/// The parameter that part `part` of the sums belongs to: the last of `count` parameters whose
/// first part, in `first_parts`, is not after it.
CONVOY_HOST_DEVICE inline int64_t ParameterOfPart(const int64_t* first_parts, int64_t count,
                                                  int64_t part) {
  int64_t first = 0, last = count;
  while (last - first > 1) {
    const int64_t middle = first + (last - first) / 2;
    if (first_parts[middle] <= part) {
      first = middle;
    } else {
      last = middle;
    }
  }
  return first;
}

}  // namespace convoy
