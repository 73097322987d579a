// The affine map of a dense layer, with its activation fused.
#include "ops/linear.h"

#include <utility>

#include "core/autograd.h"
#include "core/base/error.h"
#include "core/memory_label.h"
#include "ops/checks.h"
#include "ops/gemm.h"
#include "ops/linear_kernels.h"
#include "ops/linear_passes.h"
#include "ops/op.h"

namespace convoy {
namespace {

const Op kLinear("Linear");

// Linear's backward takes an undefined `saved` for no activation, so every activation must save its
// input or its output.
#define CONVOY_ACTIVATION(Name, op, saves, ...) static_assert(Saves::saves != Saves::kNothing);
#include "ops/pointwise/unary_table.h"

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
  args.m = LinearRows(dz), args.n = weight.dim(1), args.k = weight.dim(0);
  args.a = dz.raw_data();
  args.b = weight.raw_data();
  args.c = dx.tensor.raw_data(), args.accumulate = dx.accumulate;
  gemm(args.device, args);
}

}  // namespace

Tensor Linear(const Tensor& x, const Tensor& weight, const Tensor& bias, Activation activation) {
  const OpScope scope(kLinear.name());
  Check(x, weight, bias);
  const Tensor y = Tensor::Empty(x.shape().With(-1, weight.dim(0)), x.options());

  // Some activations' backward reads their output (ReLU), others' what went in (GELU).
  const Saves saves = SavesOf(activation);
  const Tensor z = saves == Saves::kInput && NeedsGrad({x, weight, bias})
                       ? Tensor::Empty(y.shape(), y.options())
                       : Tensor();
  linear_forward(
      y.device(),
      {.x = x, .weight = weight, .bias = bias, .activation = activation, .z = z, .y = y});

  const Tensor saved = saves == Saves::kOutput ? y.Detach() : z;
  return Record(
      kLinear.name(), y, {x, weight, bias}, [x, weight, saved, activation](BackwardPass& pass) {
        const auto target = [&](int i) { return pass.Needs(i) ? pass.Target(i) : GradTarget{}; };
        GradTarget dbias = target(2);
        const Tensor dz = saved.defined() ? pass.ReuseGrad() : pass.grad();
        if (saved.defined() || (dbias.tensor.defined() && !pass.Needs(1))) {
          LinearActivationGradient(activation, pass.grad(), saved, dz, std::exchange(dbias, {}));
        }
        if (pass.Needs(1))
          linear_weight_gradient(dz.device(),
                                 {.dz = dz, .x = x, .dweight = target(1), .dbias = dbias});
        if (pass.Needs(0)) InputGradient(dz, weight, target(0));
      });
}

}  // namespace convoy
