// How an element-wise kernel walks over its output and operands: worked out on the host.
#pragma once

#include <cstdint>
#include <span>

#include "ops/cuda/divider.h"
#include "ops/pointwise/operand.h"

namespace convoy::cuda {

/// How operands stretch over the output, innermost dimension first; see BroadcastPlan.
struct MapLayout {
  int ndim = 1;
  Divider extents[Shape::kMaxDims];
  int64_t strides[BroadcastPlan::kMaxOperands][Shape::kMaxDims] = {};
};

struct MapPlan {
  bool flat = true;  ///< each operand has the output's elements in its order, one, or is constant
  bool one[BroadcastPlan::kMaxOperands] = {};  ///< flat, with one element for all of the output
  bool packs = false;                          ///< packs of elements can be read and written
  MapLayout layout;                            ///< unless flat
};

/// For packs of `pack` elements.
MapPlan PlanMap(const View& out, std::span<const Operand> operands, int pack);

/// Whether `pack` elements of `tensor` may be accessed at once, at its beginning.
bool IsAlignedFor(const View& tensor, int pack);

}  // namespace convoy::cuda
