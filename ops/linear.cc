// The affine map of a dense layer, with its activation fused.
#include "ops/linear.h"

#include "core/autograd.h"
#include "core/error.h"
#include "ops/checks.h"
#include "ops/gemm.h"
#include "ops/linear_kernels.h"
#include "ops/op.h"
#include "ops/sum_parts.h"

namespace convoy {
namespace {

const Op kLinear("Linear");

void Check(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  CheckFloating(kLinear.name(), {"x", x});
  CheckSameKind(kLinear.name(), {{"x", x}, {"weight", weight}, {"bias", bias}});
  CONVOY_CHECK(weight.defined() && weight.ndim() == 2,
               "[Linear] weight wants shape (outputs, inputs), got {}",
               weight.defined() ? weight.shape().ToString() : "an undefined tensor");
  CONVOY_CHECK(x.ndim() >= 1 && x.dim(-1) == weight.dim(1),
               "[Linear] inner dimensions differ: x {}, weight {}", x.shape().ToString(),
               weight.shape().ToString());
  if (bias.defined()) CheckShape(kLinear.name(), {"bias", bias}, {weight.dim(0)});
}

// dz (rows, N) -> dx, dweight.
void BackwardProducts(BackwardPass& pass, const Tensor& dz, const Tensor& x, const Tensor& weight,
                      int64_t rows) {
  const int64_t n = weight.dim(0);
  const int64_t k = weight.dim(1);
  GemmArguments args{.device = dz.device(), .dtype = dz.dtype()};
  if (pass.Needs(1)) {  // (N, K) = dz^T @ x
    const GradTarget target = pass.Target(1);
    args.m = n, args.n = k, args.k = rows;
    args.a = dz.raw_data(), args.transpose_a = true;
    args.b = x.raw_data();
    args.c = target.tensor.raw_data(), args.accumulate = target.accumulate;
    gemm(args.device, args);
  }
  if (pass.Needs(0)) {  // (rows, K) = dz @ weight
    const GradTarget target = pass.Target(0);
    args.m = rows, args.n = k, args.k = n;
    args.a = dz.raw_data(), args.transpose_a = false;
    args.b = weight.raw_data();
    args.c = target.tensor.raw_data(), args.accumulate = target.accumulate;
    gemm(args.device, args);
  }
}

}  // namespace

Tensor Linear(const Tensor& x, const Tensor& weight, const Tensor& bias, Activation activation) {
  Check(x, weight, bias);
  const int64_t n = weight.dim(0);
  const int64_t rows = x.shape().Product(0, x.ndim() - 1);
  const Tensor y = Tensor::Empty(x.shape().With(-1, n), x.options());

  // ReLU's backward reads its output; GELU's needs what went in.
  const bool needs_grad = NeedsGrad({x, weight, bias});
  const bool gelu = activation == Activation::kGelu || activation == Activation::kGeluTanh;
  const Tensor z = gelu && needs_grad ? Tensor::Empty(y.shape(), y.options()) : y.Detach();
  GemmArguments args{.device = x.device(), .dtype = x.dtype(), .m = rows, .n = n};
  args.k = weight.dim(1);
  args.a = x.raw_data();
  args.b = weight.raw_data(), args.transpose_b = true;
  args.c = z.raw_data();
  args.bias = bias.defined() ? bias.raw_data() : nullptr;
  gemm(args.device, args);
  if (activation != Activation::kNone) linear_activate(y.device(), activation, z, y);

  const Tensor saved = activation == Activation::kNone ? Tensor() : z;
  return Record(kLinear.name(), y, {x, weight, bias},
                [x, weight, saved, activation, rows](BackwardPass& pass) {
                  const Tensor dz = saved.defined() ? pass.ReuseGrad() : pass.grad();
                  Tensor dbias_parts;
                  if (saved.defined() || pass.Needs(2)) {
                    linear_backward(dz.device(),
                                    {.activation = activation,
                                     .dy = pass.grad(),
                                     .saved = saved,
                                     .dz = dz,
                                     .dbias_parts = pass.Needs(2) ? &dbias_parts : nullptr});
                  }
                  if (pass.Needs(2)) sum_parts(dz.device(), dbias_parts, pass.Target(2));
                  BackwardProducts(pass, dz, x, weight, rows);
                });
}

}  // namespace convoy
