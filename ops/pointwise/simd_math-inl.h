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
#include <limits>
#include <type_traits>
#include <utility>

#include "hwy/contrib/math/math-inl.h"
#include "hwy/highway.h"
#include "ops/pointwise/products.h"

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
  using Bits = hn::Vec<hn::RebindToUnsigned<D>>;

  D d;

  HWY_INLINE V Set(double value) const { return hn::Set(d, static_cast<T>(value)); }
  HWY_INLINE V Select(Mask mask, V yes, V no) const { return hn::IfThenElse(mask, yes, no); }
  HWY_INLINE V SelectOrZero(Mask mask, V yes) const { return hn::IfThenElseZero(mask, yes); }
  HWY_INLINE Mask And(Mask a, Mask b) const { return hn::And(a, b); }
#if HWY_TARGET == HWY_SCALAR  // its own Min and Max return the operand that is no NaN
  HWY_INLINE V Min(V a, V b) const { return hn::IfThenElse(a < b, a, b); }
  HWY_INLINE V Max(V a, V b) const { return hn::IfThenElse(a > b, a, b); }
#else
  HWY_INLINE V Min(V a, V b) const { return hn::Min(a, b); }
  HWY_INLINE V Max(V a, V b) const { return hn::Max(a, b); }
#endif
  HWY_INLINE V Neg(V x) const { return hn::Neg(x); }
  HWY_INLINE V Abs(V x) const { return hn::Abs(x); }
  HWY_INLINE V Sqrt(V x) const { return hn::Sqrt(x); }
  /// a * b + c, fused where the instruction set can.
  HWY_INLINE V MulAdd(V a, V b, V c) const { return hn::MulAdd(a, b, c); }

  /// e^x: within 1 ulp; 0 and infinity beyond the range, denormal results included.
  ///
  /// x = n ln 2 + r with |r| <= ln 2 / 2, and e^r = 1 + r + r^2 P(r), where P is the polynomial of
  /// least error. Rounding adds 1.5 * 2^(mantissa bits): n then stands in the lowest bits, and
  /// moves into an exponent by a shift. 2^n is multiplied in two halves, since n may lie outside
  /// the range of one exponent.
  HWY_INLINE V Exp(V x) const {
    const ExpParts e = SplitExp(Max(Set(kExpLow), Min(Set(kExpHigh), x)));
    const Bits half = hn::ShiftRight<1>(e.n);
    return (e.rest + Set(1)) * PowerOfTwo(half) * PowerOfTwo(e.n - half);
  }

  /// Natural logarithm; -inf at 0, NaN below.
  HWY_INLINE V Log(V x) const {
    const V infinity = Set(std::numeric_limits<double>::infinity());
    const V nan = Set(std::numeric_limits<double>::quiet_NaN());
    const V edge = Select(x == Set(0), hn::Neg(infinity), Select(x == infinity, infinity, nan));
    return Select(hn::And(x > Set(0), x < infinity), hn::Log(d, x), edge);
  }

  /// tanh(x): within 1 ulp; keeps -0.0 and denormals, and is 1 or -1 beyond the range.
  ///
  /// Of a = |x|, in three pieces, each of which adds a small number to an exact one, so that the
  /// roundings of the small one hardly count: a + a^3 P(a^2) up to kTanhSmall; from there to
  /// kTanhMiddle, tanh(c) + (a - c) Q(a - c) with a c whose tanh is a floating-point number but for
  /// 4e-4 ulp; above, 1 - 2 / (e^2a + 1). P and Q are the polynomials of least error. With
  /// 2a = n ln 2 + r as in Exp, e^2a + 1 is 2^n (e^r - 1) + (2^n + 1), the second part exact where
  /// it matters.
  HWY_INLINE V Tanh(V x) const {
    const V one = Set(1);
    const V a = Abs(x);
    const V square = a * a;
    const V p = kSingle ? Horner(square, kTanhSmallSingle) : Horner(square, kTanhSmallDouble);
    const V small = MulAdd(a * square, p, a);

    const V from = a - Set(kTanhPoint);
    const V q = kSingle ? Horner(from, kTanhMiddleSingle) : Horner(from, kTanhMiddleDouble);
    const V middle = MulAdd(from, q, Set(kTanhOfPoint));

    const V bounded = Min(Set(kSingle ? 10 : 20), a);
    const ExpParts e = SplitExp(bounded + bounded);
    const V power = PowerOfTwo(e.n);
    const V large = one - Set(2) / MulAdd(power, e.rest, power + one);
    const V above = Select(a <= Set(kTanhMiddle), middle, large);
    return hn::CopySignToAbs(Select(a <= Set(kTanhSmall), small, above), x);
  }

  /// The normal distribution function Phi(x), given gaussian = Exp(-x^2 / 2); relative error below
  /// 1e-6 (f64: 1e-15) also where it is tiny, which 1 + erf(x / sqrt(2)) would lose.
  ///
  /// f32: Phi(-|x|) = gaussian * t * P(t) with t = 1 / (1 + 0.27 |x|), the form of Abramowitz and
  /// Stegun 7.1.26, with P of degree 8 interpolated at the Chebyshev nodes of |x| <= 14 (relative
  /// error 4e-8). f64: the C library's erfc, lane by lane.
  HWY_INLINE V NormalCdf(V x, V gaussian) const {
    if constexpr (std::is_same_v<T, double>) {
      return PerLane([](double v) { return 0.5 * std::erfc(v * -0.70710678118654752440); }, x);
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
    return PerLane([](T x, T y) { return std::pow(x, y); }, x, y);
  }
  /// f * x^y, also where the power alone overflows or underflows.
  HWY_INLINE V TimesPower(V f, V x, V y) const {
    const V power = Pow(x, y), size = Abs(power);
    const V least = Set(std::numeric_limits<T>::min()), most = Set(std::numeric_limits<T>::max());
    if (HWY_LIKELY(hn::AllTrue(d, hn::And(size >= least, size <= most)))) return f * power;
    return PerLane([](T f, T x, T y) { return convoy::TimesPower(f, x, y); }, f, x, y);
  }
  /// g * a / b^2, also where a part of it overflows or underflows.
  HWY_INLINE V QuotientSlope(V g, V a, V b) const {
    const V quotient = a / b, product = g * quotient, slope = product / b;
    // An infinite quotient or product makes the slope infinite or NaN, or stands beside a quotient
    // of 0; and a NaN in either makes the slope NaN.
    const V least = Set(std::numeric_limits<T>::min()), most = Set(std::numeric_limits<T>::max());
    const Mask precise = hn::And(hn::Min(Abs(quotient), Abs(product)) >= least, Abs(slope) <= most);
    if (HWY_LIKELY(hn::AllTrue(d, precise))) return slope;
    const Mask nothing = hn::And(slope == Set(0), hn::Or(a == Set(0), g == Set(0)));
    if (hn::AllTrue(d, hn::Or(precise, nothing))) return slope;
    return PerLane([](T g, T a, T b) { return convoy::QuotientSlope(g, a, b); }, g, a, b);
  }

 private:
  static constexpr bool kSingle = std::is_same_v<T, float>;
  static constexpr double kExpLow = kSingle ? -104 : -746;
  static constexpr double kExpHigh = kSingle ? 89 : 710;
  static constexpr double kLn2High = kSingle ? 0.693145751953125 : 0.693147180369123816490;
  static constexpr double kLn2Low = kSingle ? 1.428606820309417232e-6 : 1.90821492927058770002e-10;
  static constexpr double kRoundingMagic = kSingle ? 0x1.8p23 : 0x1.8p52;
  static constexpr double kExpSingle[] = {0.500000001,   0.166666667, 0.0416664649,
                                          0.00833331093, 0.001393365, 0.000198909908};
  static constexpr double kExpDouble[] = {0.5,
                                          0.16666666666666671,
                                          0.04166666666666667,
                                          0.0083333333333261351,
                                          0.0013888888888883748,
                                          0.00019841269874820625,
                                          2.4801587325547741e-5,
                                          2.7557255400206424e-6,
                                          2.7557273643110295e-7,
                                          2.5105217004720745e-8,
                                          2.0914686968086877e-9};

  // Of Tanh: where P and Q end, c and tanh(c), and the coefficients of P and Q.
  static constexpr double kTanhSmall = 0.74;
  static constexpr double kTanhMiddle = 0.975;
  static constexpr double kTanhPoint = kSingle ? 0x1.b6d554p-1 : 0x1.b6c8b43987506p-1;
  static constexpr double kTanhOfPoint = kSingle ? 0x1.63b766p-1 : 0x1.63b0de0ec1858p-1;
  static constexpr double kTanhSmallSingle[] = {-0.333333323, 0.133331935,    -0.0539381573,
                                                0.0216284435, -0.00796391413, 0.0019334111};
  static constexpr double kTanhMiddleSingle[] = {0.517310496, -0.359406647, 0.0772626286,
                                                 0.0663296005, -0.0599665194};
  static constexpr double kTanhSmallDouble[] = {
      -0.33333333333333332,   0.13333333333332799,    -0.053968253967708827,
      0.021869488514237448,   -0.0088632350706381558, 0.0035921222877957543,
      -0.0014557879689962182, 0.00058977455373348944, -0.00023817631420456128,
      9.4409415499531296e-5,  -3.4696148006732817e-5, 1.0191852377581426e-5,
      -1.6856995148329726e-6};
  static constexpr double kTanhMiddleDouble[] = {
      0.51737973006638077,   -0.35942823396797914,  0.077238034960696919,  0.066151471344127273,
      -0.060204691369245847, 0.011786943035601788,  0.012501157238752955,  -0.010383030487872405,
      0.0016539373415573423, 0.0023657998280929766, -0.0017609818758887833};

  // The polynomial with these coefficients, the constant first.
  template <size_t kCount>
  HWY_INLINE V Horner(V x, const double (&coefficients)[kCount]) const {
    V sum = Set(coefficients[kCount - 1]);
    for (size_t k = kCount - 1; k-- > 0;) sum = MulAdd(sum, x, Set(coefficients[k]));
    return sum;
  }

  // e^x = 2^n (1 + rest). Of the bits of n only the lowest count: as many as an exponent has.
  struct ExpParts {
    Bits n;
    V rest;
  };
  HWY_INLINE ExpParts SplitExp(V x) const {
    const V magic = Set(kRoundingMagic);
    const V shifted = MulAdd(x, Set(1.44269504088896340736), magic);
    const V n = shifted - magic;
    const V r = MulAdd(n, Set(-kLn2Low), MulAdd(n, Set(-kLn2High), x));
    const V p = kSingle ? Horner(r, kExpSingle) : Horner(r, kExpDouble);
    return {hn::BitCast(hn::RebindToUnsigned<D>(), shifted), MulAdd(p, r * r, r)};
  }

  HWY_INLINE V PowerOfTwo(Bits n) const {
    const hn::RebindToUnsigned<D> du;
    constexpr int kMantissaBits = std::numeric_limits<T>::digits - 1;
    return hn::BitCast(d, hn::ShiftLeft<kMantissaBits>(n) + hn::BitCast(du, Set(1)));
  }

  // f of the numbers in each lane.
  template <class F, class... Vs>
  HWY_INLINE V PerLane(F f, Vs... vectors) const {
    constexpr size_t kLanes = hn::MaxLanes(D());
    HWY_ALIGN T values[sizeof...(Vs)][kLanes];
    size_t count = 0;
    (hn::Store(vectors, d, values[count++]), ...);
    for (size_t i = 0; i < hn::Lanes(d); ++i) {
      [&]<size_t... k>(std::index_sequence<k...>) { values[0][i] = f(values[k][i]...); }
      (std::make_index_sequence<sizeof...(Vs)>());
    }
    return hn::Load(d, values[0]);
  }
};

}  // namespace convoy::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // CONVOY_OPS_POINTWISE_SIMD_MATH_INL_H_
