// Activation functions: each with its derivative, for vectors and scalars
// (ops/pointwise/compile.h).
#if defined(CONVOY_OPS_POINTWISE_ACTIVATIONS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef CONVOY_OPS_POINTWISE_ACTIVATIONS_INL_H_
#undef CONVOY_OPS_POINTWISE_ACTIVATIONS_INL_H_
#else
#define CONVOY_OPS_POINTWISE_ACTIVATIONS_INL_H_
#endif

#include "ops/pointwise/compile.h"
#include "ops/pointwise/functions.h"

CONVOY_POINTWISE_BEGIN

// In all of them: Forward(m, x) is the function; Backward(m, g, saved) is the gradient of x, where
// g is that of the output and `saved` what kSaves says. M is the mathematics, V a vector or scalar.

struct Relu {
  static constexpr UnaryFunction kId = UnaryFunction::kRelu;
  static constexpr Saves kSaves = Saves::kOutput;
  template <class M, class V>
  static CONVOY_POINTWISE V Forward(M m, V x) {
    return m.Max(m.Set(0), x);
  }
  template <class M, class V>
  static CONVOY_POINTWISE V Backward(M m, V g, V y) {
    return m.Select(y <= m.Set(0), m.Set(0), g);  // where y is NaN, g passes
  }
};

struct Tanh {
  static constexpr UnaryFunction kId = UnaryFunction::kTanh;
  static constexpr Saves kSaves = Saves::kOutput;
  template <class M, class V>
  static CONVOY_POINTWISE V Forward(M m, V x) {
    return m.Tanh(x);
  }
  template <class M, class V>
  static CONVOY_POINTWISE V Backward(M m, V g, V y) {
    return g * ((m.Set(1) - y) * (m.Set(1) + y));  // 1 - y * y loses digits near 1
  }
};

struct Sigmoid {
  static constexpr UnaryFunction kId = UnaryFunction::kSigmoid;
  static constexpr Saves kSaves = Saves::kOutput;
  template <class M, class V>
  static CONVOY_POINTWISE V Forward(M m, V x) {
    return m.Set(1) / (m.Set(1) + m.Exp(m.Neg(x)));
  }
  template <class M, class V>
  static CONVOY_POINTWISE V Backward(M m, V g, V y) {
    return g * y * (m.Set(1) - y);
  }
};

// The functions x * S(x) below bound x where S has long been 0 or 1: else -inf would give
// -inf * 0 = NaN, and overflow in a polynomial of x would do so in the derivative.
inline constexpr double kSaturated = 1000;

/// 1 - s for s = 1 / (1 + e), accurate where s is near 1. Where e overflows, e * s is NaN and Min
/// gives 1.
template <class M, class V>
CONVOY_POINTWISE V OneMinus(M m, V s, V e) {
  return m.Min(e * s, m.Set(1));
}

struct Silu {
  static constexpr UnaryFunction kId = UnaryFunction::kSilu;
  static constexpr Saves kSaves = Saves::kInput;
  template <class M, class V>
  static CONVOY_POINTWISE V Forward(M m, V x) {
    const V z = m.Max(m.Set(-kSaturated), x);
    return z / (m.Set(1) + m.Exp(m.Neg(z)));
  }
  template <class M, class V>
  static CONVOY_POINTWISE V Backward(M m, V g, V x) {
    const V one = m.Set(1);
    const V z = m.Min(m.Set(kSaturated), m.Max(m.Set(-kSaturated), x));
    const V e = m.Exp(m.Neg(z));
    const V s = one / (one + e);
    return g * s * m.MulAdd(z, OneMinus(m, s, e), one);
  }
};

/// x * Phi(x), Phi the normal distribution function.
struct Gelu {
  static constexpr UnaryFunction kId = UnaryFunction::kGelu;
  static constexpr Saves kSaves = Saves::kInput;
  template <class M, class V>
  static CONVOY_POINTWISE V Forward(M m, V x) {
    const V z = m.Max(m.Set(-kSaturated), x);
    return z * m.NormalCdf(z, m.Exp(m.Set(-0.5) * z * z));
  }
  template <class M, class V>
  static CONVOY_POINTWISE V Backward(M m, V g, V x) {
    const V z = m.Min(m.Set(kSaturated), m.Max(m.Set(-kSaturated), x));
    const V gaussian = m.Exp(m.Set(-0.5) * z * z);
    const V density = m.Set(0.39894228040143267794) * gaussian;  // 1 / sqrt(2 pi)
    return g * m.MulAdd(z, density, m.NormalCdf(z, gaussian));
  }
};

/// x/2 * (1 + tanh(u)) = x / (1 + e^(-2u)) with u = sqrt(2/pi) * (x + 0.044715 x^3).
struct GeluTanh {
  static constexpr UnaryFunction kId = UnaryFunction::kGeluTanh;
  static constexpr Saves kSaves = Saves::kInput;
  static constexpr double kLinear = -1.5957691216057307;  // -2 sqrt(2/pi)
  static constexpr double kCubic = -1.5957691216057307 * 0.044715;

  template <class M, class V>
  static CONVOY_POINTWISE V Forward(M m, V x) {
    const V z = m.Max(m.Set(-kSaturated), x);
    const V u = z * m.MulAdd(m.Set(kCubic), z * z, m.Set(kLinear));
    return z / (m.Set(1) + m.Exp(u));
  }
  template <class M, class V>
  static CONVOY_POINTWISE V Backward(M m, V g, V x) {
    const V one = m.Set(1);
    const V z = m.Min(m.Set(kSaturated), m.Max(m.Set(-kSaturated), x));
    const V square = z * z;
    const V e = m.Exp(z * m.MulAdd(m.Set(kCubic), square, m.Set(kLinear)));
    const V s = one / (one + e);
    const V slope = m.MulAdd(m.Set(-3 * kCubic), square, m.Set(-kLinear));  // d(2u)/dx
    return g * s * m.MulAdd(z * slope, OneMinus(m, s, e), one);
  }
};

CONVOY_POINTWISE_END

#endif  // CONVOY_OPS_POINTWISE_ACTIVATIONS_INL_H_
