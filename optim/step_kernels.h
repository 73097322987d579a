// Kernel slots around a step's control: the norm, the decision, and the seed of backward.
#pragma once

#include <cstdint>

#include "core/view.h"
#include "ops/kernel.h"
#include "optim/decide_step.h"

namespace convoy {

/// Elements that one partial sum of squares covers: fixed, so that the order of additions depends
/// on sizes only.
inline constexpr int64_t kNormChunk = 8192;

inline int64_t NormChunks(int64_t numel) { return (numel + kNormChunk - 1) / kNormChunk; }

/// Where a bucket's gradients are, and what belongs to it: a row of `StepBuffers::spans`.
struct GradientSpan {
  int64_t address;
  int64_t dtype;
  int64_t numel;
  int64_t first_part;   ///< in `parts`; a span's parts end where the next one's begin
  int64_t first_entry;  ///< in `entries`

  static constexpr int64_t kFields = 5;
};

/// Everything that the decision reads and writes, on one device.
struct StepBuffers {
  View control;   ///< StepControl
  View counters;  ///< StepCounters
  View parts;     ///< f64: a sum of squares for each kNormChunk elements of each bucket
  View spans;     ///< i64 (buckets, GradientSpan::kFields)
  View entries;   ///< i64: the parameters' offsets in their buckets, in bucket order
};

/// parts[c] = sum of the squares of elements [c * kNormChunk, (c + 1) * kNormChunk) of `x`, in f64
/// and a fixed order; `x` has a multiple of kFlatAlignElements elements.
inline constinit Kernel<void(const View& x, const View& parts)> sum_of_squares{"GradNorm"};

/// DecideStep with the sum of `parts`, and the search for the parameter to blame if there is one.
/// `scaler` (ScalerState) may be undefined.
inline constinit Kernel<void(const StepBuffers& buffers, const View& scaler, const StepRule& rule)>
    prepare_step{"Optimizer"};

/// The one element of `to` becomes weight * scaler->scale.
inline constinit Kernel<void(const View& scaler, double weight, const View& to)> fill_scaled{
    "LossScaler"};

}  // namespace convoy
