// Kernel slots of Attention: queries, keys and values where they lie, packed together or apart.
#pragma once

#include "core/view.h"
#include "ops/kernel.h"

namespace convoy {

/// The sizes of one attention, and how scores are made.
struct AttentionProblem {
  int64_t batch = 0;    ///< B
  int64_t heads = 0;    ///< H
  int64_t queries = 0;  ///< Tq
  int64_t keys = 0;     ///< Tk
  int64_t dim = 0;      ///< D
  double scale = 1;     ///< factor of the scores
  bool causal = false;  ///< key t is hidden from queries before t; Tq == Tk
};

/// Vectors of D elements within a tensor: the one of (b, t, h) starts at
/// offset + (b * steps + t) * stride + h * D. In a packed qkv, stride is 3 * H * D and offset 0,
/// H * D or 2 * H * D; apart, they are H * D and 0.
struct AttentionRows {
  View tensor;  ///< undefined: a gradient that nobody wants
  int64_t offset = 0;
  int64_t stride = 0;
  int64_t steps = 0;        ///< Tq or Tk
  bool accumulate = false;  ///< for a gradient: add to what it holds

  int64_t Start(int64_t b, int64_t t, int64_t h, int64_t dim) const {
    return offset + (b * steps + t) * stride + h * dim;
  }
};

struct AttentionInputs {
  AttentionRows q, k, v;
};

/// out (B, Tq, H, D) = softmax(scale * q k^T) v; 0 for a query whose scores are all -infinity.
/// softmax (2, B, H, Tq), f32 (f64 for f64), or undefined: the greatest score of each query and one
/// over the sum of its exponentials, or what else the device keeps of them: its own backward is the
/// only reader. The two are apart, since the logarithm of that sum would be rounded to the
/// precision of a large score.
inline constinit Kernel<void(const AttentionProblem& problem, const AttentionInputs& inputs,
                             const View& out, const View& softmax)>
    attention_forward{"Attention"};

/// Gradients of q, k and v (those defined in `grads`) from the output's. Parts of one tensor are
/// allowed in `grads`, as long as they do not overlap.
inline constinit Kernel<void(const AttentionProblem& problem, const AttentionInputs& inputs,
                             const View& out, const View& softmax, const View& dout,
                             const AttentionInputs& grads)>
    attention_backward{"Attention"};

}  // namespace convoy
