// Products of several numbers that are right where a part of them overflows or underflows.
#pragma once

#include <cmath>
#include <limits>

#include "core/host_device.h"

namespace convoy {

/// Whether the magnitude of x is a normal number: not 0, denormal, infinite or NaN.
template <typename T>
CONVOY_HOST_DEVICE inline bool IsNormal(T x) {
  const T size = std::fabs(x);
  return size >= std::numeric_limits<T>::min() && size <= std::numeric_limits<T>::max();
}

/// g * a / b^2, the slope of a quotient towards its divisor, times g.
template <typename T>
CONVOY_HOST_DEVICE inline T QuotientSlope(T g, T a, T b) {
  const T quotient = a / b, product = g * quotient, slope = product / b;
  if (IsNormal(quotient) && IsNormal(product) && std::isfinite(slope)) return slope;
  if (!std::isfinite(g) || !std::isfinite(a) || !std::isfinite(b) || b == 0) return slope;
  int g_exponent = 0, a_exponent = 0, b_exponent = 0;
  const T g_part = std::frexp(g, &g_exponent), a_part = std::frexp(a, &a_exponent),
          b_part = std::frexp(b, &b_exponent);
  return std::ldexp(g_part * (a_part / b_part) / b_part, g_exponent + a_exponent - 2 * b_exponent);
}

/// f * x^y.
template <typename T>
CONVOY_HOST_DEVICE inline T TimesPower(T f, T x, T y) {
  const T power = std::pow(x, y);
  if (IsNormal(power) || std::isnan(power) || x == 0 || !std::isfinite(x) || !std::isfinite(y)) {
    return f * power;
  }
  if (f == 0) return f;
  const T root = std::pow(std::fabs(x), y / 2);
  const T product = f * root * root;
  return std::signbit(power) ? -product : product;
}

}  // namespace convoy
