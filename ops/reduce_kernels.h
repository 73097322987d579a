// Kernel slots of the reductions, and the sum over stretched dimensions that broadcasting ops need.
#pragma once

#include "core/view.h"
#include "ops/kernel.h"

namespace convoy {

enum class ReduceFunction { kSum, kMax };

/// A tensor seen as (outer, count, inner), of which the middle dimension is reduced.
struct ReduceForm {
  int64_t outer = 1;
  int64_t count = 1;
  int64_t inner = 1;
};

/// y = (reduction of x) / divisor; x is (outer, count, inner), y is (outer, inner). One of them may
/// be of the dtype that the other is computed in: a sum over several dimensions keeps that in
/// between. NaN goes through. The order of additions depends on the form only.
inline constinit Kernel<void(ReduceFunction f, ReduceForm form, double divisor, const View& x,
                             const View& y)>
    reduce{"Reduce"};

/// y = index in [0, count) of the first greatest value; NaN counts as greatest. y is i64.
inline constinit Kernel<void(ReduceForm form, const View& x, const View& y)> arg_max{"ArgMax"};

/// The type in which values of a floating dtype are computed and summed.
inline DType ComputeDType(DType dtype) { return dtype == DType::kF64 ? DType::kF64 : DType::kF32; }

/// Sums `x` over the dimensions in which `y` would stretch to its shape, into `y`: what an
/// operand's gradient is made of when the operand was broadcast. `x` has the dtype of `y`, or the
/// one in which that is computed.
void SumTo(const View& x, const View& y);

}  // namespace convoy
