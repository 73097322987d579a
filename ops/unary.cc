// Element-wise functions of one tensor.
#include "ops/unary.h"

#include "core/autograd.h"
#include "core/base/error.h"
#include "ops/checks.h"
#include "ops/op.h"
#include "ops/pointwise/activations-inl.h"
#include "ops/pointwise/elementary-inl.h"
#include "ops/unary_kernels.h"

namespace convoy {
namespace {

const Op kNeg("Neg");
const Op kAbs("Abs");
const Op kExp("Exp");
const Op kLog("Log");
const Op kSqrt("Sqrt");
const Op kRsqrt("Rsqrt");
const Op kTanh("Tanh");
const Op kSigmoid("Sigmoid");
const Op kRelu("Relu");
const Op kSilu("Silu");
const Op kGelu("Gelu");
const Op kClamp("Clamp");
const Op kPow("Pow");

template <Saves kSaves>
Tensor WhatIsSaved(const Tensor& x, const Tensor& y) {
  if constexpr (kSaves == Saves::kInput) return x;
  if constexpr (kSaves == Saves::kOutput) return y.Detach();
  return {};
}

// F is a function of ops/pointwise.
template <class F>
Tensor Apply(const Op& op, const Tensor& x, UnaryParameters parameters = {}) {
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

Tensor Neg(const Tensor& x) { return Apply<scalar::Neg>(kNeg, x); }
Tensor Abs(const Tensor& x) { return Apply<scalar::Abs>(kAbs, x); }
Tensor Exp(const Tensor& x) { return Apply<scalar::Exp>(kExp, x); }
Tensor Log(const Tensor& x) { return Apply<scalar::Log>(kLog, x); }
Tensor Sqrt(const Tensor& x) { return Apply<scalar::Sqrt>(kSqrt, x); }
Tensor Rsqrt(const Tensor& x) { return Apply<scalar::Rsqrt>(kRsqrt, x); }
Tensor Tanh(const Tensor& x) { return Apply<scalar::Tanh>(kTanh, x); }
Tensor Sigmoid(const Tensor& x) { return Apply<scalar::Sigmoid>(kSigmoid, x); }
Tensor Relu(const Tensor& x) { return Apply<scalar::Relu>(kRelu, x); }
Tensor Silu(const Tensor& x) { return Apply<scalar::Silu>(kSilu, x); }

Tensor Gelu(const Tensor& x, GeluKind kind) {
  return kind == GeluKind::kExact ? Apply<scalar::Gelu>(kGelu, x)
                                  : Apply<scalar::GeluTanh>(kGelu, x);
}

Tensor Clamp(const Tensor& x, double low, double high) {
  CONVOY_CHECK(low <= high, "[Clamp] low {} is not at most high {}", low, high);
  return Apply<scalar::Clamp>(kClamp, x, {low, high});
}

Tensor Pow(const Tensor& x, double exponent) { return Apply<scalar::Pow>(kPow, x, {exponent}); }

Tensor operator-(const Tensor& x) { return Neg(x); }

}  // namespace convoy
