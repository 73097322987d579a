// Mathematics on one number, as the point-wise functions use it: the twin of simd_math-inl.h.
#pragma once

#include <cmath>

#include "ops/pointwise/compile.h"
#include "ops/pointwise/products.h"

CONVOY_POINTWISE_BEGIN

/// Operations of a point-wise function on values of type T (float or double), beside the operators
/// + - * / and comparisons: `Gelu::Forward(Scalar<float>(), x)`. NaN goes through every function;
/// Min and Max return `b` if either is NaN.
template <typename T>
struct Scalar {
  using V = T;
  using Mask = bool;

  CONVOY_POINTWISE T Set(double value) const { return static_cast<T>(value); }
  CONVOY_POINTWISE T Select(bool mask, T yes, T no) const { return mask ? yes : no; }
  CONVOY_POINTWISE T SelectOrZero(bool mask, T yes) const { return mask ? yes : T{0}; }
  CONVOY_POINTWISE bool And(bool a, bool b) const { return a && b; }
  CONVOY_POINTWISE T Min(T a, T b) const { return a < b ? a : b; }
  CONVOY_POINTWISE T Max(T a, T b) const { return a > b ? a : b; }
  CONVOY_POINTWISE T Neg(T x) const { return -x; }
  CONVOY_POINTWISE T Abs(T x) const { return std::fabs(x); }
  CONVOY_POINTWISE T Sqrt(T x) const { return std::sqrt(x); }
  CONVOY_POINTWISE T MulAdd(T a, T b, T c) const { return std::fma(a, b, c); }
  CONVOY_POINTWISE T Exp(T x) const { return std::exp(x); }
  CONVOY_POINTWISE T Log(T x) const { return std::log(x); }
  CONVOY_POINTWISE T Tanh(T x) const { return std::tanh(x); }
  CONVOY_POINTWISE T Pow(T x, T y) const { return std::pow(x, y); }
  /// f * x^y, also where the power alone overflows or underflows.
  CONVOY_POINTWISE T TimesPower(T f, T x, T y) const { return convoy::TimesPower(f, x, y); }
  /// g * a / b^2, also where a part of it overflows or underflows.
  CONVOY_POINTWISE T QuotientSlope(T g, T a, T b) const { return convoy::QuotientSlope(g, a, b); }
  /// The normal distribution function; the vector version makes use of Exp(-x^2 / 2).
  CONVOY_POINTWISE T NormalCdf(T x, T /*gaussian*/) const {
    return T(0.5) * std::erfc(x * T(-0.70710678118654752440));
  }
};

CONVOY_POINTWISE_END
