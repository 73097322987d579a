// Losses.
#pragma once

#include <optional>

#include "core/tensor.h"

namespace convoy {

struct CrossEntropyOptions {
  /// Rows with this label count neither in the sum nor in the number of rows. Any value.
  std::optional<int32_t> ignore_index;
};

/// Mean negative log-likelihood of `labels` under softmax(`logits`), fused: the probabilities are
/// never stored. Backward writes the logits' gradient over the logits where nobody else holds them.
///
/// Shape:  logits (N, C), labels (N) -> scalar. With no row to count the loss and its gradient
///         are 0, so that a worker without samples adds nothing.
/// DType:  logits f32, bf16, f16 (f64), labels i32; the result is f32 (f64).
/// Throws: Error if shapes do not fit or a label lies outside [0, C) (checked on CPU; on CUDA such
///         rows give NaN).
Tensor CrossEntropy(const Tensor& logits, const Tensor& labels, CrossEntropyOptions options = {});

}  // namespace convoy
