// Attention by kernels of our own: any dtype, sizes and strides, heads of up to 256 dimensions.
#pragma once

#include "ops/attention_kernels.h"

namespace convoy::cuda {

/// As the slot attention_forward; lse is to base e.
void TiledAttentionForward(const AttentionProblem& problem, const AttentionInputs& inputs,
                           const Tensor& out, const Tensor& lse);

/// As the slot attention_backward; lse is to base e. Every sum is made in a fixed order.
void TiledAttentionBackward(const AttentionProblem& problem, const AttentionInputs& inputs,
                            const Tensor& out, const Tensor& lse, const Tensor& dout,
                            const AttentionInputs& grads);

}  // namespace convoy::cuda
