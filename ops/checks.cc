// Checks of arguments that many ops share.
#include "ops/checks.h"

#include "core/base/error.h"

namespace convoy {
namespace {

void CheckDefined(const char* op, const Argument& argument) {
  CONVOY_CHECK(argument.tensor.defined(), "[{}] {} is an undefined tensor", op, argument.name);
}

}  // namespace

void CheckFloating(const char* op, const Argument& argument) {
  CheckDefined(op, argument);
  CONVOY_CHECK(IsFloating(argument.tensor.dtype()),
               "[{}] {} wants a floating dtype (f32, f64, bf16, f16), got {}", op, argument.name,
               Name(argument.tensor.dtype()));
}

void CheckSameKind(const char* op, std::initializer_list<Argument> arguments) {
  const Argument& first = *arguments.begin();
  CheckDefined(op, first);
  for (const Argument& argument : arguments) {
    if (!argument.tensor.defined()) continue;
    CONVOY_CHECK(argument.tensor.dtype() == first.tensor.dtype(),
                 "[{}] dtypes differ: {} {}, {} {}; use Cast", op, first.name,
                 Name(first.tensor.dtype()), argument.name, Name(argument.tensor.dtype()));
    CONVOY_CHECK(argument.tensor.device() == first.tensor.device(),
                 "[{}] devices differ: {} on {}, {} on {}; use To", op, first.name,
                 first.tensor.device().ToString(), argument.name,
                 argument.tensor.device().ToString());
  }
}

void CheckShape(const char* op, const Argument& argument, const Shape& expected) {
  CheckDefined(op, argument);
  CONVOY_CHECK(argument.tensor.shape() == expected,
               "[{}] {} has the wrong shape: expected {}, got {}", op, argument.name,
               expected.ToString(), argument.tensor.shape().ToString());
}

void CheckDType(const char* op, const Argument& argument, DType expected) {
  CheckDefined(op, argument);
  CONVOY_CHECK(argument.tensor.dtype() == expected,
               "[{}] {} has the wrong dtype: expected {}, got {}", op, argument.name,
               Name(expected), Name(argument.tensor.dtype()));
}

}  // namespace convoy
