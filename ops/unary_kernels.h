// Kernel slots of the element-wise functions of one tensor.
#pragma once

#include "core/view.h"
#include "ops/kernel.h"
#include "ops/pointwise/functions.h"

namespace convoy {

/// y = f(x), element by element.
inline constinit Kernel<void(UnaryFunction f, const UnaryParameters& parameters, const View& x,
                             const View& y)>
    unary_forward{"Unary"};
/// dx (+)= dy * f'(x). `saved` is x, y or undefined, as the function's kSaves says; dx may be dy.
inline constinit Kernel<void(UnaryFunction f, const UnaryParameters& parameters, const View& dy,
                             const View& saved, const GradTarget& dx)>
    unary_backward{"Unary"};

}  // namespace convoy
