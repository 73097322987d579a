// Kernel slots of the element-wise functions of two tensors, and of Where.
#pragma once

#include "core/view.h"
#include "ops/kernel.h"
#include "ops/pointwise/functions.h"
#include "ops/pointwise/operand.h"

namespace convoy {

/// y = f(lhs, rhs), the operands stretched to the shape of y.
inline constinit Kernel<void(BinaryFunction f, const Operand& lhs, const Operand& rhs,
                             const View& y)>
    binary_forward{"Binary"};

enum class Side { kLhs, kRhs };

/// dx (+)= dy * (partial derivative of f by one side), in the shape of dy; dx may be dy. The
/// dtype of dx is that of dy, or the one in which that is computed.
inline constinit Kernel<void(BinaryFunction f, Side side, const View& dy, const Operand& lhs,
                             const Operand& rhs, const GradTarget& dx)>
    binary_gradient{"Binary"};

/// y (+)= condition ? if_true : if_false, all stretched to the shape of y; y may be one of them.
inline constinit Kernel<void(const View& condition, const Operand& if_true, const Operand& if_false,
                             const GradTarget& y)>
    where_forward{"Where"};

}  // namespace convoy
