// Kernel slots of the losses.
#pragma once

#include <optional>

#include "core/autograd.h"
#include "ops/kernel.h"

namespace convoy {

/// loss = weight * the sum over the rows that count of lse - logits[label], where lse is the log of
/// the sum of the row's exponentials and weight is 1 over the number of these rows, or 0 if there
/// is none. Keeps lse (N) and weight (scalar), in the dtype of the loss; lse of an ignored row is
/// left undefined.
inline constinit Kernel<void(const Tensor& logits, const Tensor& labels,
                             std::optional<int32_t> ignore_index, const Tensor& loss,
                             const Tensor& lse, const Tensor& weight)>
    cross_entropy_forward{"CrossEntropy"};
/// dlogits (+)= (exp(logits - lse) - onehot(label)) * dloss * weight; ignored rows get 0. dlogits
/// may be the memory of logits.
inline constinit Kernel<void(const Tensor& dloss, const Tensor& logits, const Tensor& labels,
                             std::optional<int32_t> ignore_index, const Tensor& lse,
                             const Tensor& weight, const GradTarget& dlogits)>
    cross_entropy_backward{"CrossEntropy"};

}  // namespace convoy
