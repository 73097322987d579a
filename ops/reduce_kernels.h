// Kernel slots of the reductions, and the sum over stretched dimensions that broadcasting ops need.
#pragma once

#include "core/tensor.h"
#include "ops/kernel.h"

namespace convoy {

enum class ReduceFunction { kSum, kMax };

/// A tensor seen as (outer, count, inner), of which the middle dimension is reduced.
struct ReduceForm {
  int64_t outer = 1;
  int64_t count = 1;
  int64_t inner = 1;
};

/// y = reduction of x / divisor; x is (outer, count, inner), y is (outer, inner). Each is f32, f64,
/// bf16 or f16 and they compute in the same type, which a sum over several dimensions keeps in
/// between. NaN goes through. The order of additions depends on the form only.
inline constinit Kernel<void(ReduceFunction f, ReduceForm form, double divisor, const Tensor& x,
                             const Tensor& y)>
    reduce{"Reduce"};

/// y = index in [0, count) of the first greatest value; NaN counts as greatest. y is i64.
inline constinit Kernel<void(ReduceForm form, const Tensor& x, const Tensor& y)> arg_max{"ArgMax"};

/// The type in which values of a floating dtype are computed and summed.
inline DType ComputeDType(DType dtype) { return dtype == DType::kF64 ? DType::kF64 : DType::kF32; }

/// Sums `x` over the dimensions in which `y` would stretch to its shape, into `y`: what an
/// operand's gradient is made of when the operand was broadcast. `x` has the dtype of `y`, or the
/// one in which that is computed.
void SumTo(const Tensor& x, const Tensor& y);

}  // namespace convoy
