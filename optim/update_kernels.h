// Kernel slots of the optimizers: one pass over a bucket's values, gradients and state.
#pragma once

#include <array>
#include <cstdint>

#include "core/view.h"
#include "ops/kernel.h"
#include "optim/step_control.h"

namespace convoy {

/// A run of elements of one bucket with the same hyper-parameters, padding included; both ends are
/// multiples of kFlatAlignElements. All f64: a row of `UpdateBucket::segments`.
struct UpdateSegment {
  double begin = 0;
  double end = 0;
  double lr_scale = 1;
  double weight_decay = 0;

  static constexpr int64_t kFields = 4;
};
static_assert(sizeof(UpdateSegment) == UpdateSegment::kFields * sizeof(double));

/// What a worker owns of a bucket, as an update sees it; all views are on one device, and flat,
/// (numel), where nothing else is said. Zeros stay zeros in padding.
struct UpdateBucket {
  static constexpr int kMaxStates = 2;

  View values;
  View gradients;                       ///< read only
  View master;                          ///< f32 copy of bf16 and f16 values, else undefined
  std::array<View, kMaxStates> states;  ///< in the dtype of computation; undefined if not kept
  View segments;  ///< f64 (segments, UpdateSegment::kFields): cover [0, numel) in order
  View control;   ///< StepControl: lr, grad_scale, corrections; with `skip`, nothing is done

  const UpdateSegment* SegmentData() const {
    return reinterpret_cast<const UpdateSegment*>(segments.data<double>());
  }
};

struct SgdRule {
  double momentum;  ///< 0: no state
  bool nesterov;
};

/// g = grad_scale * grad + weight_decay * p;  m = momentum * m + g;
/// p -= lr * (nesterov ? g + momentum * m : m).
inline constinit Kernel<void(const UpdateBucket& bucket, const SgdRule& rule)> sgd_update{"Sgd"};

struct AdamRule {
  double beta1;
  double beta2;
  double eps;
  bool decoupled;  ///< weight decay on the values (AdamW) rather than on the gradient (Adam)
};

/// g = grad_scale * grad (+ weight_decay * p, or p *= 1 - lr * weight_decay if decoupled);
/// m = beta1 * m + (1 - beta1) * g;  v = beta2 * v + (1 - beta2) * g * g;
/// p -= lr / correction1 * m / (sqrt(v / correction2) + eps).
inline constinit Kernel<void(const UpdateBucket& bucket, const AdamRule& rule)> adam_update{"Adam"};

}  // namespace convoy
