// Clipping by the global norm of the gradients.
#include "optim/clip.h"

#include <cmath>

#include "core/error.h"
#include "optim/update_kernels.h"

namespace convoy {

ClippedNorm ClipGradNorm(const FlatParameters& parameters, double max_norm) {
  CONVOY_CHECK(max_norm > 0, "[ClipGradNorm] max_norm must be over 0, got {}", max_norm);
  parameters.ZeroMissingGradients();
  double sum = 0;
  for (const FlatBucket& bucket : parameters.buckets()) {
    sum_of_squares(bucket.gradients.device(), bucket.gradients, &sum);
  }
  const double norm = std::sqrt(sum);
  const double scale = max_norm / (norm + 1e-6);
  return {norm, scale > 1 ? 1 : scale};
}

}  // namespace convoy
