// A model on any GPU that is trained exactly: every number is a multiple of a power of two.
#pragma once

#include <cstdint>

#include "core/tensor.h"

namespace convoy {

/// Adds weight (N)'s part of the loss to `sum` (scalar, f32): the mean over samples [begin, end) of
/// (weight - target(sample))^2 / 2, added up over N. Only its gradient is computed: `sum` itself
/// goes through as it is. Targets are multiples of 1/8, and the same whoever computes them.
Tensor ToyTerm(const Tensor& sum, const Tensor& weight, int64_t begin, int64_t end, int step);

/// values -= gradients / 4, both (N) of one dtype.
void ToyUpdate(const Tensor& values, const Tensor& gradients);

}  // namespace convoy
