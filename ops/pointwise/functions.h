// Identifiers of the pointwise functions. An op passes one to a kernel to say which function to
// run. They are generated from unary_table.h and binary_table.h.
#pragma once

#include <cstdint>

namespace convoy {

enum class UnaryFunction : uint8_t {
#define CONVOY_UNARY(Name, ...) k##Name,
#define CONVOY_UNARY_OF_CONSTANTS(Name, op) k##Name,
#include "ops/pointwise/unary_table.h"
};

enum class BinaryFunction : uint8_t {
#define CONVOY_BINARY(Name, ...) k##Name,
#define CONVOY_BINARY_STEP(Name, ...) k##Name,
#include "ops/pointwise/binary_table.h"
};

/// The activations that Linear can fuse.
enum class Activation : uint8_t {
  kNone,
#define CONVOY_ACTIVATION(Name, ...) k##Name,
#include "ops/pointwise/unary_table.h"
};

/// The tensor that backward of a unary function reads, beside the gradient of the output.
enum class Saves : uint8_t { kNothing, kInput, kOutput };

/// What the derivative of an activation is computed from.
constexpr Saves SavesOf(Activation activation) {
  switch (activation) {
#define CONVOY_ACTIVATION(Name, op, saves, ...) \
  case Activation::k##Name:                     \
    return Saves::saves;
#include "ops/pointwise/unary_table.h"
    case Activation::kNone:
      break;
  }
  return Saves::kNothing;
}

/// What a partial derivative of a binary function is computed from, beside the gradient of the
/// output; kIsGradient: it is that gradient itself, and there is nothing to compute.
enum class Partial : uint8_t { kNeither, kLhs, kRhs, kBoth, kIsGradient };

constexpr bool ReadsLhs(Partial p) { return p == Partial::kLhs || p == Partial::kBoth; }
constexpr bool ReadsRhs(Partial p) { return p == Partial::kRhs || p == Partial::kBoth; }

/// Constants of a unary function: low and high of Clamp, the exponent of Pow.
struct UnaryParameters {
  double a = 0;
  double b = 0;
};

}  // namespace convoy
