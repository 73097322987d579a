// How an element-wise kernel walks over its output and operands: worked out on the host.
#include "ops/cuda/map_plan.h"

namespace convoy::cuda {

bool IsAlignedFor(const View& tensor, int pack) {
  const size_t bytes = SizeOf(tensor.dtype()) * static_cast<size_t>(pack);
  return reinterpret_cast<uintptr_t>(tensor.raw_data()) % bytes == 0;
}

MapPlan PlanMap(const View& out, std::span<const Operand> operands, int pack) {
  const BroadcastPlan broadcast = PlanBroadcast(out.shape(), operands);
  MapPlan plan;
  plan.packs = IsAlignedFor(out, pack);
  for (size_t k = 0; k < operands.size(); ++k) {
    if (operands[k].is_constant()) continue;
    const View& tensor = operands[k].tensor;
    plan.one[k] = !broadcast.contiguous[k] && tensor.numel() == 1;
    plan.flat = plan.flat && (broadcast.contiguous[k] || plan.one[k]);
    plan.packs = plan.packs && (plan.one[k] || IsAlignedFor(tensor, pack));
  }
  if (plan.flat) return plan;
  // An operand that moves along the rows has whole ones: each begins at a multiple of a pack too.
  plan.packs = plan.packs && broadcast.inner() % pack == 0;
  plan.layout.ndim = broadcast.ndim;
  for (int d = 0; d < broadcast.ndim; ++d) {
    const int from = broadcast.ndim - 1 - d;
    plan.layout.extents[d] = Divider(broadcast.extents[from]);
    for (size_t k = 0; k < operands.size(); ++k) {
      plan.layout.strides[k][d] = broadcast.strides[k][from];
    }
  }
  return plan;
}

}  // namespace convoy::cuda
