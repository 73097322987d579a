// Kernel slots of Embedding.
#pragma once

#include "core/view.h"
#include "ops/kernel.h"

namespace convoy {

/// y[i] = table[indices[i]]; y is (indices, C).
inline constinit Kernel<void(const View& table, const View& indices, const View& y)>
    embedding_forward{"Embedding"};
/// dtable[v] (+)= the sum of dy[i] over all i with indices[i] == v, in the order of i.
inline constinit Kernel<void(const View& dy, const View& indices, const GradTarget& dtable)>
    embedding_backward{"Embedding"};

}  // namespace convoy
