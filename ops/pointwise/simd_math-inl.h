// Mathematics on Highway vectors, as the point-wise functions use it.
//
// Included once per instruction set, after hwy/foreach_target.h. scalar_math.h is its twin.
#if defined(CONVOY_OPS_POINTWISE_SIMD_MATH_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef CONVOY_OPS_POINTWISE_SIMD_MATH_INL_H_
#undef CONVOY_OPS_POINTWISE_SIMD_MATH_INL_H_
#else
#define CONVOY_OPS_POINTWISE_SIMD_MATH_INL_H_
#endif

#include <cmath>
#include <cstdint>
#include <iterator>
#include <limits>
#include <type_traits>

#include "hwy/contrib/math/math-inl.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace convoy::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

/// Operations of a point-wise function on vectors of tag D, beside the operators + - * / and
/// comparisons: `Gelu::Forward(Simd{d}, v)`. NaN goes through every function; Min and Max return
/// `b` if either is NaN.
template <class D>
struct Simd {
  using T = hn::TFromD<D>;
  using V = hn::Vec<D>;
  using Mask = hn::Mask<D>;

  D d;

  HWY_INLINE V Set(double value) const { return hn::Set(d, static_cast<T>(value)); }
  HWY_INLINE V Select(Mask mask, V yes, V no) const { return hn::IfThenElse(mask, yes, no); }
  HWY_INLINE V SelectOrZero(Mask mask, V yes) const { return hn::IfThenElseZero(mask, yes); }
  HWY_INLINE Mask And(Mask a, Mask b) const { return hn::And(a, b); }
  HWY_INLINE V Min(V a, V b) const { return hn::Min(a, b); }
  HWY_INLINE V Max(V a, V b) const { return hn::Max(a, b); }
  HWY_INLINE V Neg(V x) const { return hn::Neg(x); }
  HWY_INLINE V Abs(V x) const { return hn::Abs(x); }
  HWY_INLINE V Sqrt(V x) const { return hn::Sqrt(x); }
  /// a * b + c, fused where the instruction set can.
  HWY_INLINE V MulAdd(V a, V b, V c) const { return hn::MulAdd(a, b, c); }

  /// e^x: within 1 ulp; 0 and infinity beyond the range, denormal results included.
  ///
  /// x = n ln 2 + r with |r| <= ln 2 / 2, and e^r by its Taylor series, whose remainder is below
  /// 2^-27 (2^-57). Rounding adds 1.5 * 2^(mantissa bits): n then stands in the lowest bits, and
  /// moves into an exponent by a shift. 2^n is multiplied in two halves, since n may lie outside
  /// the range of one exponent.
  HWY_INLINE V Exp(V x) const {
    const V bounded = Max(Set(kExpLow), Min(Set(kExpHigh), x));
    const V magic = Set(kRoundingMagic);
    const V n = MulAdd(bounded, Set(1.44269504088896340736), magic) - magic;
    const V r = MulAdd(n, Set(-kLn2Low), MulAdd(n, Set(-kLn2High), bounded));
    V p = Set(kInverseFactorial[kExpDegree]);
    for (int k = kExpDegree - 1; k >= 2; --k) p = MulAdd(p, r, Set(kInverseFactorial[k]));
    const V e = MulAdd(p, r * r, r) + Set(1);
    const V half = MulAdd(n, Set(0.5), magic);
    return e * PowerOfTwo(half) * PowerOfTwo((n - (half - magic)) + magic);
  }

  /// Natural logarithm; -inf at 0, NaN below.
  HWY_INLINE V Log(V x) const {
    const V infinity = Set(std::numeric_limits<double>::infinity());
    const V nan = Set(std::numeric_limits<double>::quiet_NaN());
    const V edge = Select(x == Set(0), hn::Neg(infinity), Select(x == infinity, infinity, nan));
    return Select(hn::And(x > Set(0), x < infinity), hn::Log(d, x), edge);
  }

  HWY_INLINE V Tanh(V x) const { return hn::Tanh(d, x); }

  /// The normal distribution function Phi(x), given gaussian = Exp(-x^2 / 2); relative error below
  /// 1e-6 (f64: 1e-15) also where it is tiny, which 1 + erf(x / sqrt(2)) would lose.
  ///
  /// f32: Phi(-|x|) = gaussian * t * P(t) with t = 1 / (1 + 0.27 |x|), the form of Abramowitz and
  /// Stegun 7.1.26, with P of degree 8 interpolated at the Chebyshev nodes of |x| <= 14 (relative
  /// error 4e-8). f64: the C library's erfc, lane by lane.
  HWY_INLINE V NormalCdf(V x, V gaussian) const {
    if constexpr (std::is_same_v<T, double>) {
      return PerLane(x, [](double v) { return 0.5 * std::erfc(v * -0.70710678118654752440); });
    } else {
      constexpr float kP[] = {0.107722097f,  0.107518608f,  0.101980365f,
                              0.0714060895f, 0.109277136f,  -0.0712138059f,
                              0.171444572f,  -0.127242074f, 0.0291070222f};
      const V t = Set(1) / MulAdd(Abs(x), Set(0.27), Set(1));
      V p = Set(kP[8]);
      for (int k = 7; k >= 0; --k) p = MulAdd(p, t, Set(kP[k]));
      const V tail = gaussian * t * p;
      return Select(x > Set(0), Set(1) - tail, tail);
    }
  }

  /// x^y lane by lane, as the C library computes it.
  HWY_INLINE V Pow(V x, V y) const {
    HWY_ALIGN T exponents[hn::MaxLanes(D())];
    hn::Store(y, d, exponents);
    const T* exponent = exponents;
    return PerLane(x, [exponent](T v) mutable { return std::pow(v, *exponent++); });
  }

 private:
  static constexpr bool kSingle = std::is_same_v<T, float>;
  static constexpr double kExpLow = kSingle ? -104 : -746;
  static constexpr double kExpHigh = kSingle ? 89 : 710;
  static constexpr double kLn2High = kSingle ? 0.693145751953125 : 0.693147180369123816490;
  static constexpr double kLn2Low = kSingle ? 1.428606820309417232e-6 : 1.90821492927058770002e-10;
  static constexpr double kRoundingMagic = kSingle ? 0x1.8p23 : 0x1.8p52;
  static constexpr int kExpDegree = kSingle ? 7 : 13;
  static constexpr double kInverseFactorial[] = {1.,
                                                 1.,
                                                 1. / 2,
                                                 1. / 6,
                                                 1. / 24,
                                                 1. / 120,
                                                 1. / 720,
                                                 1. / 5040,
                                                 1. / 40320,
                                                 1. / 362880,
                                                 1. / 3628800,
                                                 1. / 39916800,
                                                 1. / 479001600,
                                                 1. / 6227020800};

  // 2^n for `shifted` = n + kRoundingMagic.
  HWY_INLINE V PowerOfTwo(V shifted) const {
    const hn::RebindToUnsigned<D> du;
    constexpr int kMantissaBits = std::numeric_limits<T>::digits - 1;
    return hn::BitCast(
        d, hn::ShiftLeft<kMantissaBits>(hn::BitCast(du, shifted)) + hn::BitCast(du, Set(1)));
  }

  template <class F>
  HWY_INLINE V PerLane(V x, F f) const {
    HWY_ALIGN T values[hn::MaxLanes(D())];
    hn::Store(x, d, values);
    for (size_t i = 0; i < hn::Lanes(d); ++i) values[i] = f(values[i]);
    return hn::Load(d, values);
  }
};

}  // namespace convoy::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // CONVOY_OPS_POINTWISE_SIMD_MATH_INL_H_
