// Kernel slots of the optimizers: one pass over a bucket's values, gradients and state.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "core/tensor.h"
#include "ops/kernel.h"

namespace convoy {

/// A run of elements of one bucket with the same hyper-parameters, padding included; both ends are
/// multiples of FlatParameters::kAlignElements.
struct UpdateSegment {
  int64_t begin = 0;
  int64_t end = 0;
  double lr_scale = 1;
  double weight_decay = 0;
};

/// A bucket as an update sees it; all tensors are flat, (numel). Zeros stay zeros in padding.
struct UpdateBucket {
  static constexpr int kMaxStates = 2;

  Tensor values;
  Tensor gradients;                       ///< read only
  Tensor master;                          ///< f32 copy of bf16 and f16 values, else undefined
  std::array<Tensor, kMaxStates> states;  ///< in the dtype of computation; undefined if not kept
  std::vector<UpdateSegment> segments;    ///< cover [0, numel) in order
};

struct SgdRule {
  double lr;
  double momentum;  ///< 0: no state
  bool nesterov;
  double grad_scale;
};

/// g = grad_scale * grad + weight_decay * p;  m = momentum * m + g;
/// p -= lr * (nesterov ? g + momentum * m : m).
inline constinit Kernel<void(const UpdateBucket& bucket, const SgdRule& rule)> sgd_update{"Sgd"};

struct AdamRule {
  double lr;
  double beta1;
  double beta2;
  double eps;
  bool decoupled;      ///< weight decay on the values (AdamW) rather than on the gradient (Adam)
  double correction1;  ///< 1 - beta1^step
  double correction2;  ///< 1 - beta2^step
  double grad_scale;
};

/// g = grad_scale * grad (+ weight_decay * p, or p *= 1 - lr * weight_decay if decoupled);
/// m = beta1 * m + (1 - beta1) * g;  v = beta2 * v + (1 - beta2) * g * g;
/// p -= lr / correction1 * m / (sqrt(v / correction2) + eps).
inline constinit Kernel<void(const UpdateBucket& bucket, const AdamRule& rule)> adam_update{"Adam"};

/// Adds the sum of the squares of `x` (numel, a multiple of FlatParameters::kAlignElements) to
/// `*sum`, in f64, in an order that depends on numel only.
inline constinit Kernel<void(const Tensor& x, double* sum)> sum_of_squares{"ClipGradNorm"};

}  // namespace convoy
