// Kernel slots of the losses.
#pragma once

#include <optional>

#include "core/view.h"
#include "ops/kernel.h"

namespace convoy {

/// loss = weight * the sum over the rows that count of max - logits[label] + log(sum), where max is
/// the row's greatest logit, sum that of its exp(logits - max), and weight is 1 over the number of
/// these rows, or 0 if there is none. Keeps weight (scalar) and softmax (N, 2): max and 1 / sum of
/// each row, apart, since max + log(sum) would be rounded to the precision of a large max. Both are
/// in the dtype of the loss; softmax of an ignored row is left undefined.
inline constinit Kernel<void(const View& logits, const View& labels,
                             std::optional<int32_t> ignore_index, const View& loss,
                             const View& softmax, const View& weight)>
    cross_entropy_forward{"CrossEntropy"};
/// dlogits (+)= (exp(logits - max) / sum - onehot(label)) * dloss * weight; ignored rows get 0.
/// dlogits may be the memory of logits.
inline constinit Kernel<void(const View& dloss, const View& logits, const View& labels,
                             std::optional<int32_t> ignore_index, const View& softmax,
                             const View& weight, const GradTarget& dlogits)>
    cross_entropy_backward{"CrossEntropy"};

}  // namespace convoy
