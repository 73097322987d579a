// Clipping by the global norm of the gradients.
#pragma once

#include "optim/flat_parameters.h"

namespace convoy {

/// The norm of all gradients together, and what the optimizer is to scale them by.
struct ClippedNorm {
  double norm = 0;
  double scale = 1;
};

/// Measures the gradients; they are left as they are. The optimizer applies the scale in its own
/// pass over them:
///
///     const ClippedNorm clip = ClipGradNorm(net.Parameters(), 1.0);
///     sgd.Step({.grad_scale = clip.scale});
///
/// The scale is min(1, max_norm / (norm + 1e-6)), as PyTorch's clip_grad_norm_ has it; an infinite
/// `max_norm` only measures. The sum is taken in f64 in chunks of a fixed size: the same gradients
/// give the same bits on any number of threads. Parameters that no Backward has reached count as
/// zero. With gradients that are not finite the norm is not either, and neither is the update:
/// check `norm` to skip such a step.
/// Throws: Error unless max_norm is over 0.
ClippedNorm ClipGradNorm(const FlatParameters& parameters, double max_norm);

}  // namespace convoy
