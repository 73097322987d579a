// Softmax and log-softmax over the last dimension.
#pragma once

#include "core/tensor.h"

namespace convoy {

/// exp(x) normalised to sum 1 over the last dimension (the maximum is taken off first).
///
/// Shape:  (..., C) -> (..., C).  DType: f32, f64, bf16, f16; kept; computed in f32 (f64).
/// Throws: Error on a scalar or another dtype.
Tensor Softmax(const Tensor& x);

/// log(Softmax(x)), computed without the exponential's underflow. Shape and dtype as Softmax.
Tensor LogSoftmax(const Tensor& x);

}  // namespace convoy
