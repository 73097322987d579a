// Checks of arguments that many ops share; each throws Error starting with `[op]`.
#pragma once

#include <initializer_list>
#include <string_view>

#include "core/tensor.h"

namespace convoy {

/// A tensor argument and its name in messages.
struct Argument {
  std::string_view name;
  const Tensor& tensor;
};

/// Defined, and of a floating dtype.
void CheckFloating(const char* op, const Argument& argument);

/// Defined, all of one dtype and on one device; undefined ones are passed over except the first.
void CheckSameKind(const char* op, std::initializer_list<Argument> arguments);

/// Of exactly this shape.
void CheckShape(const char* op, const Argument& argument, const Shape& expected);

/// Of exactly this dtype.
void CheckDType(const char* op, const Argument& argument, DType expected);

}  // namespace convoy
