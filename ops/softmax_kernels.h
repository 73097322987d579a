// Kernel slots of Softmax and LogSoftmax.
#pragma once

#include "core/view.h"
#include "ops/kernel.h"

namespace convoy {

/// y = softmax(x) row by row; x and y are (rows, C).
inline constinit Kernel<void(const View& x, const View& y)> softmax_forward{"Softmax"};
/// dx (+)= y * (dy - sum(dy * y)).
inline constinit Kernel<void(const View& dy, const View& y, const GradTarget& dx)> softmax_backward{
    "Softmax"};

/// y = x - max - log(sum(exp(x - max))).
inline constinit Kernel<void(const View& x, const View& y)> log_softmax_forward{"LogSoftmax"};
/// dx (+)= dy - exp(y) * sum(dy).
inline constinit Kernel<void(const View& dy, const View& y, const GradTarget& dx)>
    log_softmax_backward{"LogSoftmax"};

}  // namespace convoy
