// Kernel slots of Linear: its activation, and that activation's backward with the bias gradient.
#pragma once

#include "core/autograd.h"
#include "ops/kernel.h"
#include "ops/linear.h"

namespace convoy {

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
