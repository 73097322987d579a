// Layer norm and RMS norm over the last dimension.
#include "ops/norm.h"

#include "core/autograd.h"
#include "core/base/error.h"
#include "core/memory_label.h"
#include "core/workspace.h"
#include "ops/checks.h"
#include "ops/norm_kernels.h"
#include "ops/op.h"
#include "ops/sum_parts.h"

namespace convoy {
namespace {

const Op kLayerNorm("LayerNorm");
const Op kAddLayerNorm("AddLayerNorm");
const Op kRmsNorm("RmsNorm");

void CheckNorm(const char* op, const Tensor& x, const Tensor& weight, const Tensor& bias) {
  CheckFloating(op, {"x", x});
  CONVOY_CHECK(x.ndim() >= 1, "[{}] wants at least one dimension, got a scalar", op);
  const Shape channels{x.dim(-1)};
  CheckShape(op, {"weight", weight}, channels);
  if (bias.defined()) CheckShape(op, {"bias", bias}, channels);
  CheckSameKind(op, {{"x", x}, {"weight", weight}, {"bias", bias}});
}

// One number per row of x, in the type that x is computed in.
Tensor RowStatistic(const Tensor& x) {
  const DType dtype = x.dtype() == DType::kF64 ? DType::kF64 : DType::kF32;
  return Tensor::Empty({x.shape().Product(0, x.ndim() - 1)}, {dtype, x.device()});
}

GradTarget InPlaceIfNeeded(BackwardPass& pass, int input) {
  return pass.Needs(input) ? pass.InPlace(input) : GradTarget{};
}

// Puts y in the graph: made of x, which it is the normalisation of.
Tensor RecordLayerNorm(const char* op, const Tensor& y, const Tensor& x, const Tensor& weight,
                       const Tensor& bias, const Tensor& mean, const Tensor& rstd) {
  return Record(op, y, {x, weight, bias}, [x, weight, mean, rstd](BackwardPass& pass) {
    Workspace dweight_parts, dbias_parts;
    layer_norm_backward(x.device(), pass.grad(), x, weight, mean, rstd, InPlaceIfNeeded(pass, 0),
                        dweight_parts, dbias_parts);
    if (pass.Needs(1)) sum_parts(x.device(), dweight_parts, pass.Target(1));
    if (pass.Needs(2)) sum_parts(x.device(), dbias_parts, pass.Target(2));
  });
}

}  // namespace

Tensor LayerNorm(const Tensor& x, const Tensor& weight, const Tensor& bias, double eps) {
  const OpScope scope(kLayerNorm.name());
  CheckNorm(kLayerNorm.name(), x, weight, bias);
  const Tensor y = Tensor::Empty(x.shape(), x.options());
  const Tensor mean = RowStatistic(x);
  const Tensor rstd = RowStatistic(x);
  layer_norm_forward(x.device(), x, weight, bias, eps, y, mean, rstd);
  return RecordLayerNorm(kLayerNorm.name(), y, x, weight, bias, mean, rstd);
}

SumAndNorm AddLayerNorm(const Tensor& x, const Tensor& residual, const Tensor& weight,
                        const Tensor& bias, double eps) {
  const OpScope scope(kAddLayerNorm.name());
  CheckNorm(kAddLayerNorm.name(), x, weight, bias);
  CheckShape(kAddLayerNorm.name(), {"residual", residual}, x.shape());
  CheckSameKind(kAddLayerNorm.name(), {{"x", x}, {"residual", residual}});
  const Tensor values = Tensor::Empty(x.shape(), x.options());
  const Tensor y = Tensor::Empty(x.shape(), x.options());
  const Tensor mean = RowStatistic(x);
  const Tensor rstd = RowStatistic(x);
  add_layer_norm_forward(x.device(), x, residual, weight, bias, eps, values, y, mean, rstd);
  // Two nodes: by the time the sum's turn comes, the norm has added to the sum's gradient where it
  // lies, in the kernel that computes it.
  const Tensor sum = Record(kAddLayerNorm.name(), values, {x, residual}, [](BackwardPass& pass) {
    for (int i = 0; i < 2; ++i) {
      if (pass.Needs(i)) pass.Pass(i, pass.grad());
    }
  });
  return {sum, RecordLayerNorm(kAddLayerNorm.name(), y, sum, weight, bias, mean, rstd)};
}

Tensor RmsNorm(const Tensor& x, const Tensor& weight, double eps) {
  const OpScope scope(kRmsNorm.name());
  CheckNorm(kRmsNorm.name(), x, weight, {});
  const Tensor y = Tensor::Empty(x.shape(), x.options());
  const Tensor rstd = RowStatistic(x);
  rms_norm_forward(x.device(), x, weight, eps, y, rstd);
  return Record(kRmsNorm.name(), y, {x, weight}, [x, weight, rstd](BackwardPass& pass) {
    Workspace dweight_parts;
    rms_norm_backward(x.device(), pass.grad(), x, weight, rstd, InPlaceIfNeeded(pass, 0),
                      dweight_parts);
    if (pass.Needs(1)) sum_parts(x.device(), dweight_parts, pass.Target(1));
  });
}

}  // namespace convoy
