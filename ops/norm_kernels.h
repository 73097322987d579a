// Kernel slots of LayerNorm, AddLayerNorm and RmsNorm.
#pragma once

#include "core/view.h"
#include "core/workspace.h"
#include "ops/kernel.h"

namespace convoy {

/// y = (x - mean) * rstd * weight + bias row by row; x and y are (rows, C), bias may be undefined.
/// Keeps mean and rstd (rows), in f32 or f64.
inline constinit Kernel<void(const View& x, const View& weight, const View& bias, double eps,
                             const View& y, const View& mean, const View& rstd)>
    layer_norm_forward{"LayerNorm"};
/// dx (+)= rstd * (dy * weight - mean(dy * weight) - xhat * mean(dy * weight * xhat)), where xhat
/// is (x - mean) * rstd; nothing if dx is undefined. dx may be the memory of dy.
/// Makes the partial sums over rows of dy * xhat and of dy: (chunks, C) in f32 or f64.
inline constinit Kernel<void(const View& dy, const View& x, const View& weight, const View& mean,
                             const View& rstd, const GradTarget& dx, Workspace& dweight_parts,
                             Workspace& dbias_parts)>
    layer_norm_backward{"LayerNorm"};

/// sum = x + residual, rounded to its dtype; the rest as layer_norm_forward of the sum. Backward is
/// layer_norm_backward with the sum for x.
inline constinit Kernel<void(const View& x, const View& residual, const View& weight,
                             const View& bias, double eps, const View& sum, const View& y,
                             const View& mean, const View& rstd)>
    add_layer_norm_forward{"AddLayerNorm"};

/// y = x * rstd * weight row by row. Keeps rstd (rows).
inline constinit Kernel<void(const View& x, const View& weight, double eps, const View& y,
                             const View& rstd)>
    rms_norm_forward{"RmsNorm"};
/// As layer_norm_backward with a mean of 0.
inline constinit Kernel<void(const View& dy, const View& x, const View& weight, const View& rstd,
                             const GradTarget& dx, Workspace& dweight_parts)>
    rms_norm_backward{"RmsNorm"};

}  // namespace convoy
