// Functions of two tensors, made from the rows of binary_table.h: each a struct with its partial
// derivatives, for vectors and scalars (ops/pointwise/compile.h).
#if defined(CONVOY_OPS_POINTWISE_BINARY_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef CONVOY_OPS_POINTWISE_BINARY_INL_H_
#undef CONVOY_OPS_POINTWISE_BINARY_INL_H_
#else
#define CONVOY_OPS_POINTWISE_BINARY_INL_H_
#endif

#include "ops/pointwise/compile.h"
#include "ops/pointwise/functions.h"

CONVOY_POINTWISE_BEGIN

/// 0 where the operand has lost, half of g where both are equal, else g: also where either is NaN,
/// so that a gradient which is NaN is not lost.
template <class M, class V, class Mask>
CONVOY_POINTWISE V UnlessLost(M m, V g, Mask lost, Mask ties) {
  return m.Select(lost, m.Set(0), m.Select(ties, m.Set(0.5) * g, g));
}

// The gradients of a ^ b towards a and b.
template <class M, class V>
CONVOY_POINTWISE V PowLhsGradient(M m, V g, V a, V b) {
  const V zero = m.Set(0);
  return m.Select(b == zero, zero, m.TimesPower(g * b, a, b - m.Set(1)));
}
template <class M, class V>
CONVOY_POINTWISE V PowRhsGradient(M m, V g, V a, V b) {
  const V zero = m.Set(0);
  return m.Select(m.And(a == zero, b >= zero), zero, m.TimesPower(g * m.Log(a), a, b));
}

// Forward(m, a, b) is the function. GradLhs(m, g, a, b) and GradRhs are the gradients of a and b,
// where g is that of the output; kLhs and kRhs say what they are made of. What they do not read is
// not kept for them, and `a` or `b` is then 0.
#define CONVOY_BINARY(Name, op, lhs_reads, rhs_reads, forward, lhs_gradient, rhs_gradient) \
  struct Name {                                                                            \
    static constexpr BinaryFunction kId = BinaryFunction::k##Name;                         \
    static constexpr Partial kLhs = Partial::lhs_reads, kRhs = Partial::rhs_reads;         \
    template <class M, class V>                                                            \
    static CONVOY_POINTWISE V Forward([[maybe_unused]] M m, V a, V b) {                    \
      return forward;                                                                      \
    }                                                                                      \
    template <class M, class V>                                                            \
    static CONVOY_POINTWISE V GradLhs([[maybe_unused]] M m, V g, [[maybe_unused]] V a,     \
                                      [[maybe_unused]] V b) {                              \
      return lhs_gradient;                                                                 \
    }                                                                                      \
    template <class M, class V>                                                            \
    static CONVOY_POINTWISE V GradRhs([[maybe_unused]] M m, V g, [[maybe_unused]] V a,     \
                                      [[maybe_unused]] V b) {                              \
      return rhs_gradient;                                                                 \
    }                                                                                      \
  };
#define CONVOY_BINARY_STEP(Name, forward)                               \
  struct Name {                                                         \
    static constexpr BinaryFunction kId = BinaryFunction::k##Name;      \
    template <class M, class V>                                         \
    static CONVOY_POINTWISE V Forward([[maybe_unused]] M m, V a, V b) { \
      return forward;                                                   \
    }                                                                   \
  };
#include "ops/pointwise/binary_table.h"

/// Calls `run(F{})` with the function that `id` names.
template <class Run>
void DispatchBinary(BinaryFunction id, Run&& run) {
  switch (id) {
#define CONVOY_BINARY(Name, ...) \
  case BinaryFunction::k##Name:  \
    return run(Name{});
#define CONVOY_BINARY_STEP(Name, ...) \
  case BinaryFunction::k##Name:       \
    return run(Name{});
#include "ops/pointwise/binary_table.h"
  }
}

CONVOY_POINTWISE_END

#endif  // CONVOY_OPS_POINTWISE_BINARY_INL_H_
