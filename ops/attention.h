// Multi-head scaled-dot-product attention.
#pragma once

#include "core/tensor.h"

namespace convoy {

struct AttentionOptions {
  bool causal = false;  ///< position t sees positions 0 .. t only
  double scale = 0;     ///< factor of the scores; 0 means 1 / sqrt(D)
};

/// softmax(scale * q k^T) v for every head, tile by tile with a running softmax: the T x T matrix
/// is never stored (Dao et al., "FlashAttention", 2022).
///
/// Shape:  qkv (B, T, 3, H, D), as one Linear of 3*H*D outputs leaves it -> (B, T, H, D).
/// DType:  f32, f64, bf16, f16; kept; computed in f32 (f64).
/// Throws: Error on another shape or dtype.
Tensor Attention(const Tensor& qkv, AttentionOptions options = {});

/// The same with queries, keys and values apart.
///
/// Shape:  q (B, Tq, H, D), k and v (B, Tk, H, D) -> (B, Tq, H, D); causal wants Tq == Tk.
Tensor Attention(const Tensor& q, const Tensor& k, const Tensor& v, AttentionOptions options = {});

}  // namespace convoy
