// Functions of two numbers: each with its partial derivatives, for vectors and scalars
// (ops/pointwise/compile.h).
#if defined(CONVOY_OPS_POINTWISE_BINARY_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef CONVOY_OPS_POINTWISE_BINARY_INL_H_
#undef CONVOY_OPS_POINTWISE_BINARY_INL_H_
#else
#define CONVOY_OPS_POINTWISE_BINARY_INL_H_
#endif

#include "ops/pointwise/compile.h"
#include "ops/pointwise/functions.h"

CONVOY_POINTWISE_BEGIN

// Forward(m, a, b) is the function. GradLhs(m, g, a, b) and GradRhs are the gradients of a and b,
// where g is that of the output; kLhs and kRhs say what they are made of. What they do not read is
// not kept for them, and `a` or `b` is then 0.

struct Add {
  static constexpr BinaryFunction kId = BinaryFunction::kAdd;
  static constexpr Partial kLhs{.is_gradient = true};
  static constexpr Partial kRhs{.is_gradient = true};
  template <class M, class V>
  static CONVOY_POINTWISE V Forward(M, V a, V b) {
    return a + b;
  }
};

struct Sub {
  static constexpr BinaryFunction kId = BinaryFunction::kSub;
  static constexpr Partial kLhs{.is_gradient = true};
  static constexpr Partial kRhs{};
  template <class M, class V>
  static CONVOY_POINTWISE V Forward(M, V a, V b) {
    return a - b;
  }
  template <class M, class V>
  static CONVOY_POINTWISE V GradRhs(M m, V g, V, V) {
    return m.Neg(g);
  }
};

struct Mul {
  static constexpr BinaryFunction kId = BinaryFunction::kMul;
  static constexpr Partial kLhs{.reads_rhs = true};
  static constexpr Partial kRhs{.reads_lhs = true};
  template <class M, class V>
  static CONVOY_POINTWISE V Forward(M, V a, V b) {
    return a * b;
  }
  template <class M, class V>
  static CONVOY_POINTWISE V GradLhs(M, V g, V, V b) {
    return g * b;
  }
  template <class M, class V>
  static CONVOY_POINTWISE V GradRhs(M, V g, V a, V) {
    return g * a;
  }
};

struct Div {
  static constexpr BinaryFunction kId = BinaryFunction::kDiv;
  static constexpr Partial kLhs{.reads_rhs = true};
  static constexpr Partial kRhs{.reads_lhs = true, .reads_rhs = true};
  template <class M, class V>
  static CONVOY_POINTWISE V Forward(M, V a, V b) {
    return a / b;
  }
  template <class M, class V>
  static CONVOY_POINTWISE V GradLhs(M, V g, V, V b) {
    return g / b;
  }
  template <class M, class V>
  static CONVOY_POINTWISE V GradRhs(M m, V g, V a, V b) {
    return m.Neg(m.QuotientSlope(g, a, b));
  }
};

/// 0 where the operand has lost, half of g where both are equal, else g: also where either is NaN,
/// so that a gradient which is NaN is not lost.
template <class M, class V, class Mask>
CONVOY_POINTWISE V UnlessLost(M m, V g, Mask lost, Mask ties) {
  return m.Select(lost, m.Set(0), m.Select(ties, m.Set(0.5) * g, g));
}

struct Maximum {
  static constexpr BinaryFunction kId = BinaryFunction::kMaximum;
  static constexpr Partial kLhs{.reads_lhs = true, .reads_rhs = true};
  static constexpr Partial kRhs{.reads_lhs = true, .reads_rhs = true};
  template <class M, class V>
  static CONVOY_POINTWISE V Forward(M m, V a, V b) {
    return m.Select(a == a, m.Max(a, b), a);  // NaN on either side wins
  }
  template <class M, class V>
  static CONVOY_POINTWISE V GradLhs(M m, V g, V a, V b) {
    return UnlessLost(m, g, a < b, a == b);
  }
  template <class M, class V>
  static CONVOY_POINTWISE V GradRhs(M m, V g, V a, V b) {
    return UnlessLost(m, g, b < a, a == b);
  }
};

struct Minimum {
  static constexpr BinaryFunction kId = BinaryFunction::kMinimum;
  static constexpr Partial kLhs{.reads_lhs = true, .reads_rhs = true};
  static constexpr Partial kRhs{.reads_lhs = true, .reads_rhs = true};
  template <class M, class V>
  static CONVOY_POINTWISE V Forward(M m, V a, V b) {
    return m.Select(a == a, m.Min(a, b), a);
  }
  template <class M, class V>
  static CONVOY_POINTWISE V GradLhs(M m, V g, V a, V b) {
    return UnlessLost(m, g, a > b, a == b);
  }
  template <class M, class V>
  static CONVOY_POINTWISE V GradRhs(M m, V g, V a, V b) {
    return UnlessLost(m, g, b > a, a == b);
  }
};

struct PowBinary {
  static constexpr BinaryFunction kId = BinaryFunction::kPow;
  static constexpr Partial kLhs{.reads_lhs = true, .reads_rhs = true};
  static constexpr Partial kRhs{.reads_lhs = true, .reads_rhs = true};
  template <class M, class V>
  static CONVOY_POINTWISE V Forward(M m, V a, V b) {
    return m.Pow(a, b);
  }
  template <class M, class V>
  static CONVOY_POINTWISE V GradLhs(M m, V g, V a, V b) {
    const V zero = m.Set(0);
    return m.Select(b == zero, zero, m.TimesPower(g * b, a, b - m.Set(1)));
  }
  template <class M, class V>
  static CONVOY_POINTWISE V GradRhs(M m, V g, V a, V b) {
    const V zero = m.Set(0);
    return m.Select(m.And(a == zero, b >= zero), zero, m.TimesPower(g * m.Log(a), a, b));
  }
};

/// 1 where a equals b, else 0; a step of other ops, without a gradient of its own.
struct Equal {
  static constexpr BinaryFunction kId = BinaryFunction::kEqual;
  template <class M, class V>
  static CONVOY_POINTWISE V Forward(M m, V a, V b) {
    return m.SelectOrZero(a == b, m.Set(1));
  }
};

CONVOY_POINTWISE_END

#endif  // CONVOY_OPS_POINTWISE_BINARY_INL_H_
