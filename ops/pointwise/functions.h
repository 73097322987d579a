// The names of the point-wise functions, by which an op tells a kernel which one to run.
#pragma once

#include <cstdint>

namespace convoy {

enum class UnaryFunction : uint8_t {
  kNeg,
  kAbs,
  kExp,
  kLog,
  kSqrt,
  kRsqrt,
  kTanh,
  kSigmoid,
  kRelu,
  kSilu,
  kGelu,
  kGeluTanh,
  kClamp,
  kPow,
};

enum class BinaryFunction : uint8_t { kAdd, kSub, kMul, kDiv, kMaximum, kMinimum, kPow, kEqual };

/// What the derivative of a unary function is computed from, beside the gradient of the output.
enum class Saves : uint8_t { kNothing, kInput, kOutput };

/// What a partial derivative of a binary function is computed from, beside the gradient.
struct Partial {
  bool reads_lhs = false;
  bool reads_rhs = false;
  bool is_gradient = false;  ///< it is the gradient itself: nothing to compute
};

/// Constants of a unary function: low and high of Clamp, the exponent of Pow.
struct UnaryParameters {
  double a = 0;
  double b = 0;
};

}  // namespace convoy
