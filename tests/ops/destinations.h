// Ops that lead a backward to every kind of destination the autograd engine has.
#pragma once

#include "tests/ops/evaluate.h"

namespace convoy {

/// A copy whose backward hands on a gradient that nobody else holds.
Tensor Copy(const Tensor& x);

/// x + y; both get the same gradient tensor.
Tensor Join(const Tensor& x, const Tensor& y);

/// `run` on copies of its inputs: their gradients go to computed tensors.
RunFunction WithCopiedInputs(const RunFunction& run);

/// The gradients times `factor`; the output as it is.
Result Scaled(const Result& result, double factor);

}  // namespace convoy
