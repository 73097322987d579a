// Kernel slot of Dropout.
#pragma once

#include "core/random_stream.h"
#include "core/view.h"
#include "ops/kernel.h"

namespace convoy {

/// y (+)= x / (1 - p), or 0 where number i of `stream` is below p; the same for a gradient. y may
/// be the memory of x.
inline constinit Kernel<void(const View& x, double p, const RandomStream& stream,
                             const GradTarget& y)>
    dropout{"Dropout"};

}  // namespace convoy
