// Element-wise functions of one tensor.
#include "ops/unary.h"

#include "core/autograd.h"
#include "core/base/error.h"
#include "core/memory_label.h"
#include "ops/checks.h"
#include "ops/op.h"
#include "ops/pointwise/unary-inl.h"
#include "ops/unary_kernels.h"

namespace convoy {
namespace {

#define CONVOY_UNARY(Name, op, ...) const Op k##Name(op);
#define CONVOY_UNARY_OF_CONSTANTS(Name, op) const Op k##Name(op);
#include "ops/pointwise/unary_table.h"

template <Saves kSaves>
Tensor WhatIsSaved(const Tensor& x, const Tensor& y) {
  if constexpr (kSaves == Saves::kInput) return x;
  if constexpr (kSaves == Saves::kOutput) return y.Detach();
  return {};
}

// F is a function of ops/pointwise/unary-inl.h.
template <class F>
Tensor Apply(const Op& op, const Tensor& x, UnaryParameters parameters = {}) {
  const OpScope scope(op.name());
  CheckFloating(op.name(), {"x", x});
  const Tensor y = Tensor::Empty(x.shape(), x.options());
  unary_forward(x.device(), F::kId, parameters, x, y);
  return Record(op.name(), y, {x},
                [saved = WhatIsSaved<F::kSaves>(x, y), parameters](BackwardPass& pass) {
                  unary_backward(pass.grad().device(), F::kId, parameters, pass.grad(), saved,
                                 pass.InPlace(0));
                });
}

}  // namespace

#define CONVOY_UNARY(Name, ...) \
  Tensor Name(const Tensor& x) { return Apply<scalar::Name>(k##Name, x); }
#include "ops/pointwise/unary_table.h"

Tensor Gelu(const Tensor& x, GeluKind kind) {
  return kind == GeluKind::kExact ? Gelu(x) : GeluTanh(x);
}

Tensor Clamp(const Tensor& x, double low, double high) {
  CONVOY_CHECK(low <= high, "[Clamp] low {} is not at most high {}", low, high);
  return Apply<scalar::Clamp>(kClamp, x, {low, high});
}

Tensor Pow(const Tensor& x, double exponent) {
  return Apply<scalar::PowOfConstant>(kPowOfConstant, x, {exponent});
}

Tensor operator-(const Tensor& x) { return Neg(x); }

}  // namespace convoy
