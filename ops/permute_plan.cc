// How Permute moves elements: what its kernels for all devices start from.
#include "ops/permute_plan.h"

#include <algorithm>
#include <bit>

namespace convoy {

void PermutePlan::Erase(int i) {
  std::move(dims.begin() + i + 1, dims.begin() + ndim, dims.begin() + i);
  --ndim;
}

int64_t PermutePlan::Numel() const {
  int64_t numel = 1;
  for (int i = 0; i < ndim; ++i) numel *= (*this)[i].extent;
  return numel;
}

int PermutePlan::InnerOfX() const {
  int inner = 0;
  while ((*this)[inner].from_stride != 1) ++inner;
  return inner;
}

int64_t PermutePlan::WidenElements(int64_t size, int64_t widest, const void* x, const void* y) {
  const int64_t run = back().from_stride == 1 ? back().extent : 1;
  const int64_t bytes = run * size;
  const auto address = reinterpret_cast<uintptr_t>(x) | reinterpret_cast<uintptr_t>(y);
  const bool one_element = bytes <= widest && std::has_single_bit(static_cast<uint64_t>(bytes));
  if (run == 1 || !one_element || address % static_cast<uintptr_t>(bytes) != 0) return size;
  Erase(ndim - 1);
  for (int i = 0; i < ndim; ++i) {
    dims[static_cast<size_t>(i)].from_stride /= run;
    dims[static_cast<size_t>(i)].to_stride /= run;
  }
  return bytes;
}

PermutePlan PlanPermute(const View& x, const std::vector<int>& axes) {
  PermutePlan plan;
  for (const int axis : axes) {
    const int64_t extent = x.dim(axis);
    const int64_t stride = x.shape().Product(axis + 1, x.ndim());
    if (extent == 1) continue;
    if (plan.ndim > 0 && plan.back().from_stride == extent * stride) {
      plan.back() = {plan.back().extent * extent, stride, 0};
    } else {
      ++plan.ndim;
      plan.back() = {extent, stride, 0};
    }
  }
  int64_t stride = 1;
  for (int i = plan.ndim; i-- > 0;) {
    plan.dims[static_cast<size_t>(i)].to_stride = stride;
    stride *= plan[i].extent;
  }
  return plan;
}

}  // namespace convoy
