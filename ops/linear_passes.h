// Linear as plain matrix products followed by separate passes. Devices without fused kernels use
// these functions, and devices with fused kernels fall back on them.
#pragma once

#include "core/workspace.h"
#include "ops/gemm.h"
#include "ops/linear_kernels.h"
#include "ops/sum_parts.h"

namespace convoy {

/// The rows of x (..., C).
inline int64_t LinearRows(const View& x) { return x.shape().Product(0, x.ndim() - 1); }

/// As the slot linear_forward: a product, then the activation.
inline void LinearForwardInPasses(const LinearForward& l) {
  const View& z = l.z.defined() ? l.z : l.y;
  GemmArguments args{.device = z.device(), .dtype = z.dtype()};
  args.m = LinearRows(z), args.n = l.weight.dim(0), args.k = l.weight.dim(1);
  args.a = l.x.raw_data();
  args.b = l.weight.raw_data(), args.transpose_b = true;
  args.c = z.raw_data();
  args.bias = l.bias.defined() ? l.bias.raw_data() : nullptr;
  gemm(args.device, args);
  if (l.activation != Activation::kNone) linear_activate(z.device(), l.activation, z, l.y);
}

/// dz = dy * activation' (dz may share dy's memory), and dbias (+)= the sum of its rows, unless
/// dbias is undefined. `saved` as in LinearBackward.
inline void LinearActivationGradient(Activation activation, const View& dy, const View& saved,
                                     const View& dz, const GradTarget& dbias) {
  Workspace parts;
  linear_backward(dz.device(), {.activation = activation,
                                .dy = dy,
                                .saved = saved,
                                .dz = dz,
                                .dbias_parts = dbias.tensor.defined() ? &parts : nullptr});
  if (dbias.tensor.defined()) sum_parts(dz.device(), parts, dbias);
}

/// As the slot linear_weight_gradient: a sum, then a product.
inline void LinearWeightGradientInPasses(const LinearWeightGradient& l) {
  if (l.dbias.tensor.defined()) {
    LinearActivationGradient(Activation::kNone, l.dz, {}, l.dz, l.dbias);
  }
  GemmArguments args{.device = l.dz.device(), .dtype = l.dz.dtype()};
  args.m = l.dz.dim(-1), args.n = l.x.dim(-1), args.k = LinearRows(l.dz);
  args.a = l.dz.raw_data(), args.transpose_a = true;
  args.b = l.x.raw_data();
  args.c = l.dweight.tensor.raw_data(), args.accumulate = l.dweight.accumulate;
  gemm(args.device, args);
}

}  // namespace convoy
