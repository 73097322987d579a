// Functions of one tensor and some constants (Clamp, Pow), each with its derivative. compile.h
// compiles them for SIMD vectors and for scalars.
#if defined(CONVOY_OPS_POINTWISE_CONSTANTS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef CONVOY_OPS_POINTWISE_CONSTANTS_INL_H_
#undef CONVOY_OPS_POINTWISE_CONSTANTS_INL_H_
#else
#define CONVOY_OPS_POINTWISE_CONSTANTS_INL_H_
#endif

#include "ops/pointwise/compile.h"
#include "ops/pointwise/functions.h"

CONVOY_POINTWISE_BEGIN

// Forward(m, x) and Backward(m, g, saved) as in unary-inl.h.

struct Clamp {
  static constexpr UnaryFunction kId = UnaryFunction::kClamp;
  static constexpr Saves kSaves = Saves::kInput;
  double low, high;

  template <class M, class V>
  CONVOY_POINTWISE V Forward(M m, V x) const {
    return m.Min(m.Set(high), m.Max(m.Set(low), x));
  }
  template <class M, class V>
  CONVOY_POINTWISE V Backward(M m, V g, V x) const {
    return m.SelectOrZero(m.And(x >= m.Set(low), x <= m.Set(high)), g);
  }
};

/// x to a constant power. The exponents of everyday use, and those of their derivatives, are
/// products and roots; the others go through the C library.
struct PowOfConstant {
  static constexpr UnaryFunction kId = UnaryFunction::kPowOfConstant;
  static constexpr Saves kSaves = Saves::kInput;
  double exponent;

  template <class M, class V>
  CONVOY_POINTWISE V Forward(M m, V x) const {
    return TimesPower(m, m.Set(1), x, exponent);
  }
  template <class M, class V>
  CONVOY_POINTWISE V Backward(M m, V g, V x) const {
    if (exponent == 0) return m.Set(0);  // where x is 0, the formula would give 0 * infinity
    return TimesPower(m, g * m.Set(exponent), x, exponent - 1);
  }

 private:
  // f * x^exponent. Factor by factor, so that nothing overflows or underflows before the result.
  template <class M, class V>
  static CONVOY_POINTWISE V TimesPower(M m, V f, V x, double exponent) {
    if (exponent == 0) return f;
    if (exponent == 1) return f * x;
    if (exponent == 2) return f * x * x;
    if (exponent == 3) return f * x * x * x;
    if (exponent == 0.5) return f * m.Sqrt(x);
    if (exponent == -0.5) return f / m.Sqrt(x);
    if (exponent == -1) return f / x;
    if (exponent == -1.5) return f / x / m.Sqrt(x);
    if (exponent == -2) return f / x / x;
    return m.TimesPower(f, x, m.Set(exponent));
  }
};

CONVOY_POINTWISE_END

#endif  // CONVOY_OPS_POINTWISE_CONSTANTS_INL_H_
