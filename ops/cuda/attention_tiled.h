// Attention by kernels of our own: any dtype, sizes and strides, heads of up to 256 dimensions.
#pragma once

#include "ops/attention_kernels.h"

namespace convoy::cuda {

/// As the slot attention_forward; softmax holds what kKeepsMaximum says.
void TiledAttentionForward(const AttentionProblem& problem, const AttentionInputs& inputs,
                           const View& out, const View& softmax);

/// As the slot attention_backward, after a forward as above. Every sum is made in a fixed order.
void TiledAttentionBackward(const AttentionProblem& problem, const AttentionInputs& inputs,
                            const View& out, const View& softmax, const View& dout,
                            const AttentionInputs& grads);

}  // namespace convoy::cuda
