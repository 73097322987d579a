// The operands of a point-wise kernel, and how they stretch over its output.
#pragma once

#include <cstdint>
#include <span>

#include "core/view.h"

namespace convoy {

/// A view, or a constant in its place (`tensor` undefined), which stretches to any shape and
/// takes no memory.
struct Operand {
  View tensor;
  double constant = 0;

  static Operand Of(const View& tensor) { return {tensor, 0}; }
  static Operand Constant(double value) { return {View(), value}; }
  bool is_constant() const { return !tensor.defined(); }
};

/// The output's dimensions, outermost first, those of extent 1 left out and neighbours merged
/// wherever no operand can tell; at least one. An operand's strides are in elements, 0 where it is
/// stretched; along the last dimension they are 0 or 1.
struct BroadcastPlan {
  static constexpr int kMaxOperands = 3;

  int ndim = 0;
  int64_t extents[Shape::kMaxDims] = {};
  int64_t strides[kMaxOperands][Shape::kMaxDims] = {};
  bool contiguous[kMaxOperands] = {};  ///< this operand has the output's elements in its order

  int64_t inner() const { return extents[ndim - 1]; }
  /// Where row `row` (along the last dimension) of the output begins in an operand.
  int64_t RowOffset(int operand, int64_t row) const;
};

/// `operands` broadcast to `output`; constants stretch in every dimension.
BroadcastPlan PlanBroadcast(const Shape& output, std::span<const Operand> operands);

}  // namespace convoy
