// The affine map of a dense layer, with its activation fused.
#include "ops/linear.h"

#include <utility>

#include "core/autograd.h"
#include "core/base/error.h"
#include "ops/checks.h"
#include "ops/gemm.h"
#include "ops/linear_kernels.h"
#include "ops/op.h"
#include "ops/sum_parts.h"

namespace convoy {
namespace {

const Op kLinear("Linear");

// Those of x (..., C).
int64_t Rows(const Tensor& x) { return x.shape().Product(0, x.ndim() - 1); }

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

// dx (..., K) (+)= dz (..., N) @ weight.
void InputGradient(const Tensor& dz, const Tensor& weight, const GradTarget& dx) {
  GemmArguments args{.device = dz.device(), .dtype = dz.dtype()};
  args.m = Rows(dz), args.n = weight.dim(1), args.k = weight.dim(0);
  args.a = dz.raw_data();
  args.b = weight.raw_data();
  args.c = dx.tensor.raw_data(), args.accumulate = dx.accumulate;
  gemm(args.device, args);
}

// dbias (+)= the sum of the rows of dz = dy * activation'.
void ActivationAndBiasGradient(Activation activation, const Tensor& dy, const Tensor& saved,
                               const Tensor& dz, const GradTarget& dbias) {
  Tensor parts;
  linear_backward(dz.device(), {.activation = activation,
                                .dy = dy,
                                .saved = saved,
                                .dz = dz,
                                .dbias_parts = dbias.tensor.defined() ? &parts : nullptr});
  if (dbias.tensor.defined()) sum_parts(dz.device(), parts, dbias);
}

}  // namespace

void LinearForwardInPasses(const LinearForward& l) {
  const Tensor& z = l.z.defined() ? l.z : l.y;
  GemmArguments args{.device = z.device(), .dtype = z.dtype()};
  args.m = Rows(z), args.n = l.weight.dim(0), args.k = l.weight.dim(1);
  args.a = l.x.raw_data();
  args.b = l.weight.raw_data(), args.transpose_b = true;
  args.c = z.raw_data();
  args.bias = l.bias.defined() ? l.bias.raw_data() : nullptr;
  gemm(args.device, args);
  if (l.activation != Activation::kNone) linear_activate(z.device(), l.activation, z, l.y);
}

void LinearWeightGradientInPasses(const LinearWeightGradient& l) {
  if (l.dbias.tensor.defined())
    ActivationAndBiasGradient(Activation::kNone, l.dz, {}, l.dz, l.dbias);
  GemmArguments args{.device = l.dz.device(), .dtype = l.dz.dtype()};
  args.m = l.dz.dim(-1), args.n = l.x.dim(-1), args.k = Rows(l.dz);
  args.a = l.dz.raw_data(), args.transpose_a = true;
  args.b = l.x.raw_data();
  args.c = l.dweight.tensor.raw_data(), args.accumulate = l.dweight.accumulate;
  gemm(args.device, args);
}

Tensor Linear(const Tensor& x, const Tensor& weight, const Tensor& bias, Activation activation) {
  Check(x, weight, bias);
  const Tensor y = Tensor::Empty(x.shape().With(-1, weight.dim(0)), x.options());

  // ReLU's backward reads its output; GELU's needs what went in.
  const bool gelu = activation == Activation::kGelu || activation == Activation::kGeluTanh;
  const Tensor z =
      gelu && NeedsGrad({x, weight, bias}) ? Tensor::Empty(y.shape(), y.options()) : Tensor();
  linear_forward(
      y.device(),
      {.x = x, .weight = weight, .bias = bias, .activation = activation, .z = z, .y = y});

  const Tensor saved = activation == Activation::kRelu ? y.Detach() : z;
  return Record(
      kLinear.name(), y, {x, weight, bias}, [x, weight, saved, activation](BackwardPass& pass) {
        const auto target = [&](int i) { return pass.Needs(i) ? pass.Target(i) : GradTarget{}; };
        GradTarget dbias = target(2);
        const Tensor dz = saved.defined() ? pass.ReuseGrad() : pass.grad();
        if (saved.defined() || (dbias.tensor.defined() && !pass.Needs(1))) {
          ActivationAndBiasGradient(activation, pass.grad(), saved, dz, std::exchange(dbias, {}));
        }
        if (pass.Needs(1))
          linear_weight_gradient(dz.device(),
                                 {.dz = dz, .x = x, .dweight = target(1), .dbias = dbias});
        if (pass.Needs(0)) InputGradient(dz, weight, target(0));
      });
}

}  // namespace convoy
