// Kernel slots of Linear. A device may fuse bias and activation into the matrix products, or run
// them as separate passes (linear_passes.h).
#pragma once

#include "core/view.h"
#include "core/workspace.h"
#include "ops/kernel.h"
#include "ops/pointwise/functions.h"

namespace convoy {

struct LinearForward {
  View x;       ///< (..., K)
  View weight;  ///< (N, K)
  View bias;    ///< (N), or undefined
  Activation activation = Activation::kNone;
  View z;  ///< (..., N), receives the input of the activation; may be undefined
  View y;  ///< (..., N)
};
/// y = activation(z), z = x @ weight^T + bias.
inline constinit Kernel<void(const LinearForward&)> linear_forward{"Linear"};

struct LinearWeightGradient {
  View dz;             ///< (..., N)
  View x;              ///< (..., K)
  GradTarget dweight;  ///< (N, K)
  GradTarget dbias;    ///< (N), or undefined
};
/// dweight (+)= dz^T @ x, dbias (+)= the sum of the rows of dz.
inline constinit Kernel<void(const LinearWeightGradient&)> linear_weight_gradient{"Linear"};

/// y = activation(z), element by element; z may be y.
inline constinit Kernel<void(Activation, const View& z, const View& y)> linear_activate{"Linear"};

/// What the backward of activation and bias reads and writes, all (rows, N).
struct LinearBackward {
  Activation activation = Activation::kNone;
  View dy;
  View saved;                        ///< y or z, as SavesOf(activation) says; else undefined
  View dz;                           ///< dy * activation'; may be dy, and is for kNone
  Workspace* dbias_parts = nullptr;  ///< made unless null: (chunks, N), sums of dz for sum_parts
};
inline constinit Kernel<void(const LinearBackward&)> linear_backward{"Linear"};

}  // namespace convoy
