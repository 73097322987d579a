// Formulas of activations that take more than a line of unary_table.h: f(x), and the gradient of x
// where `g` is that of f(x). For vectors and scalars (ops/pointwise/compile.h).
#if defined(CONVOY_OPS_POINTWISE_ACTIVATIONS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef CONVOY_OPS_POINTWISE_ACTIVATIONS_INL_H_
#undef CONVOY_OPS_POINTWISE_ACTIVATIONS_INL_H_
#else
#define CONVOY_OPS_POINTWISE_ACTIVATIONS_INL_H_
#endif

#include "ops/pointwise/compile.h"

CONVOY_POINTWISE_BEGIN

// The functions x * S(x) below bound x where S has long been 0 or 1: else -inf would give
// -inf * 0 = NaN, and overflow in a polynomial of x would do so in the derivative.
inline constexpr double kSaturated = 1000;

/// 1 - s for s = 1 / (1 + e), accurate where s is near 1. Where e overflows, e * s is NaN and Min
/// gives 1.
template <class M, class V>
CONVOY_POINTWISE V OneMinus(M m, V s, V e) {
  return m.Min(e * s, m.Set(1));
}

template <class M, class V>
CONVOY_POINTWISE V SiluForward(M m, V x) {
  const V z = m.Max(m.Set(-kSaturated), x);
  return z / (m.Set(1) + m.Exp(m.Neg(z)));
}
template <class M, class V>
CONVOY_POINTWISE V SiluGradient(M m, V g, V x) {
  const V one = m.Set(1);
  const V z = m.Min(m.Set(kSaturated), m.Max(m.Set(-kSaturated), x));
  const V e = m.Exp(m.Neg(z));
  const V s = one / (one + e);
  return g * s * m.MulAdd(z, OneMinus(m, s, e), one);
}

template <class M, class V>
CONVOY_POINTWISE V GeluForward(M m, V x) {
  const V z = m.Max(m.Set(-kSaturated), x);
  return z * m.NormalCdf(z, m.Exp(m.Set(-0.5) * z * z));
}
template <class M, class V>
CONVOY_POINTWISE V GeluGradient(M m, V g, V x) {
  const V z = m.Min(m.Set(kSaturated), m.Max(m.Set(-kSaturated), x));
  const V gaussian = m.Exp(m.Set(-0.5) * z * z);
  const V density = m.Set(0.39894228040143267794) * gaussian;  // 1 / sqrt(2 pi)
  return g * m.MulAdd(z, density, m.NormalCdf(z, gaussian));
}

/// x/2 * (1 + tanh(u)) = x / (1 + e^(-2u)) with u = sqrt(2/pi) * (x + 0.044715 x^3).
inline constexpr double kGeluLinear = -1.5957691216057307;  // -2 sqrt(2/pi)
inline constexpr double kGeluCubic = -1.5957691216057307 * 0.044715;

template <class M, class V>
CONVOY_POINTWISE V GeluTanhForward(M m, V x) {
  const V z = m.Max(m.Set(-kSaturated), x);
  const V u = z * m.MulAdd(m.Set(kGeluCubic), z * z, m.Set(kGeluLinear));
  return z / (m.Set(1) + m.Exp(u));
}
template <class M, class V>
CONVOY_POINTWISE V GeluTanhGradient(M m, V g, V x) {
  const V one = m.Set(1);
  const V z = m.Min(m.Set(kSaturated), m.Max(m.Set(-kSaturated), x));
  const V square = z * z;
  const V e = m.Exp(z * m.MulAdd(m.Set(kGeluCubic), square, m.Set(kGeluLinear)));
  const V s = one / (one + e);
  const V slope = m.MulAdd(m.Set(-3 * kGeluCubic), square, m.Set(-kGeluLinear));  // d(2u)/dx
  return g * s * m.MulAdd(z * slope, OneMinus(m, s, e), one);
}

CONVOY_POINTWISE_END

#endif  // CONVOY_OPS_POINTWISE_ACTIVATIONS_INL_H_
