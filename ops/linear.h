// The affine map of a dense layer, with its activation fused.
#pragma once

#include "core/tensor.h"
#include "ops/pointwise/functions.h"

namespace convoy {

/// activation(x @ weight^T + bias), PyTorch's layout. The activations are those of
/// ops/pointwise/unary_table.h: Activation::kNone, kRelu, kGelu, kGeluTanh.
///
/// Shape:  x (..., K), weight (N, K), bias (N) or undefined -> (..., N).
/// DType:  f32, f64, bf16, f16, the same for all; kept; bf16 and f16 accumulate in f32.
/// Throws: Error if shapes, dtypes or devices do not fit.
/// Bits as MatMul's: the same for every call, but not for every number of threads.
Tensor Linear(const Tensor& x, const Tensor& weight, const Tensor& bias = {},
              Activation activation = Activation::kNone);

}  // namespace convoy
