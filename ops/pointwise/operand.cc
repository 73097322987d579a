// The operands of a point-wise kernel, and how they stretch over its output.
#include "ops/pointwise/operand.h"

#include <algorithm>

namespace convoy {
namespace {

// Extent of `operand` along the output's dimension `i`, counted from the last: -1, -2, ...
int64_t ExtentOf(const Operand& operand, int i) {
  if (operand.is_constant() || -i > operand.tensor.ndim()) return 1;
  return operand.tensor.dim(i);
}

}  // namespace

int64_t BroadcastPlan::RowOffset(int operand, int64_t row) const {
  int64_t offset = 0;
  for (int i = ndim - 2; i > 0; --i) {
    offset += row % extents[i] * strides[operand][i];
    row /= extents[i];
  }
  return ndim > 1 ? offset + row * strides[operand][0] : offset;
}

BroadcastPlan PlanBroadcast(const Shape& output, std::span<const Operand> operands) {
  BroadcastPlan plan;
  const int count = static_cast<int>(operands.size());
  int64_t elements[BroadcastPlan::kMaxOperands] = {1, 1, 1};  // within the dimensions seen so far
  const auto continues = [&](const int64_t* strides) {  // the dimension last added, seamlessly
    const int last = plan.ndim - 1;
    for (int k = 0; k < count; ++k) {
      if (strides[k] != plan.strides[k][last] * plan.extents[last]) return false;
    }
    return true;
  };
  for (int i = -1; - i <= output.ndim(); --i) {  // innermost first; turned round below
    const int64_t extent = output[i];
    if (extent == 1) continue;
    int64_t strides[BroadcastPlan::kMaxOperands] = {};
    for (int k = 0; k < count; ++k) {
      const int64_t own = ExtentOf(operands[k], i);
      strides[k] = own == extent ? elements[k] : 0;
      elements[k] *= own;
    }
    if (plan.ndim > 0 && continues(strides)) {
      plan.extents[plan.ndim - 1] *= extent;
      continue;
    }
    plan.extents[plan.ndim] = extent;
    for (int k = 0; k < count; ++k) plan.strides[k][plan.ndim] = strides[k];
    ++plan.ndim;
  }
  if (plan.ndim == 0) plan.extents[plan.ndim++] = 1;
  std::reverse(plan.extents, plan.extents + plan.ndim);
  for (int k = 0; k < count; ++k) {
    std::reverse(plan.strides[k], plan.strides[k] + plan.ndim);
    plan.contiguous[k] = !operands[k].is_constant() && operands[k].tensor.numel() == output.numel();
  }
  return plan;
}

}  // namespace convoy
