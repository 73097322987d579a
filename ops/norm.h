// Normalisation over the last dimension.
#pragma once

#include "core/tensor.h"

namespace convoy {

/// (x - mean) / sqrt(variance + eps) * weight + bias over the last dimension; the variance is the
/// biased one (Ba et al., "Layer Normalization", 2016).
///
/// Shape:  x (..., C), weight (C), bias (C) or undefined -> (..., C).
/// DType:  f32, f64, bf16, f16, the same for all; kept; statistics in f32 (f64).
/// Throws: Error if shapes, dtypes or devices do not fit.
Tensor LayerNorm(const Tensor& x, const Tensor& weight, const Tensor& bias = {}, double eps = 1e-5);

/// What AddLayerNorm gives.
struct SumAndNorm {
  Tensor sum;         ///< x + residual
  Tensor normalized;  ///< LayerNorm of it
};

/// x + residual and its LayerNorm, in one pass over memory each way: a residual stream and what the
/// next layer reads of it. The sum is rounded to its dtype before it is normalised.
///
/// Shape:  x and residual (..., C), the same; the rest as LayerNorm -> twice (..., C).
/// DType and errors as LayerNorm.
SumAndNorm AddLayerNorm(const Tensor& x, const Tensor& residual, const Tensor& weight,
                        const Tensor& bias = {}, double eps = 1e-5);

/// x / sqrt(mean(x^2) + eps) * weight over the last dimension (Zhang and Sennrich, "Root Mean
/// Square Layer Normalization", 2019). Shape, dtype and errors as LayerNorm.
Tensor RmsNorm(const Tensor& x, const Tensor& weight, double eps = 1e-5);

}  // namespace convoy
