// Kernel slots of Embedding.
#pragma once

#include "core/autograd.h"
#include "ops/kernel.h"

namespace convoy {

/// y[i] = table[indices[i]]; y is (indices, C).
inline constinit Kernel<void(const Tensor& table, const Tensor& indices, const Tensor& y)>
    embedding_forward{"Embedding"};
/// dtable[v] (+)= the sum of dy[i] over all i with indices[i] == v, in the order of i.
inline constinit Kernel<void(const Tensor& dy, const Tensor& indices, const GradTarget& dtable)>
    embedding_backward{"Embedding"};

}  // namespace convoy
