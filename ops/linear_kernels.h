// Kernel slots of Linear: its products, which a device may fuse with what is around them, and the
// passes that they are made of where nothing is fused.
#pragma once

#include "core/autograd.h"
#include "ops/kernel.h"
#include "ops/linear.h"

namespace convoy {

struct LinearForward {
  const Tensor& x;       ///< (..., K)
  const Tensor& weight;  ///< (N, K)
  const Tensor& bias;    ///< (N), or undefined
  Activation activation = Activation::kNone;
  const Tensor& z;  ///< (..., N), gets what goes into the activation; undefined: nobody wants it
  const Tensor& y;  ///< (..., N)
};
/// y = activation(z), z = x @ weight^T + bias.
inline constinit Kernel<void(const LinearForward&)> linear_forward{"Linear"};
/// The same as a product, then the activation.
void LinearForwardInPasses(const LinearForward& args);

struct LinearWeightGradient {
  const Tensor& dz;          ///< (..., N)
  const Tensor& x;           ///< (..., K)
  const GradTarget dweight;  ///< (N, K)
  const GradTarget dbias;    ///< (N); undefined: not wanted
};
/// dweight (+)= dz^T @ x, dbias (+)= the sum of the rows of dz.
inline constinit Kernel<void(const LinearWeightGradient&)> linear_weight_gradient{"Linear"};
/// The same as a product and a sum.
void LinearWeightGradientInPasses(const LinearWeightGradient& args);

/// y = activation(z), element by element; z may be y.
inline constinit Kernel<void(Activation, const Tensor& z, const Tensor& y)> linear_activate{
    "Linear"};

/// What the backward of activation and bias reads and writes, all (rows, N).
struct LinearBackward {
  Activation activation = Activation::kNone;
  const Tensor& dy;
  const Tensor& saved;            ///< y for kRelu, z for the GELUs, undefined for kNone
  const Tensor& dz;               ///< dy * activation'; may be dy, and is for kNone
  Tensor* dbias_parts = nullptr;  ///< made unless null: (chunks, N), sums of dz for sum_parts
};
inline constinit Kernel<void(const LinearBackward&)> linear_backward{"Linear"};

}  // namespace convoy
