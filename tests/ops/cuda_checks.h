// What is checked of an op on a GPU, real or simulated.
#pragma once

#include "tests/ops/op_table.h"

namespace convoy {

/// Output and gradients agree with those of the CPU in f64, have the right dtype and device, and
/// the same bits when run again.
void CheckAgainstCpu(const OpSpec& row, const Sample& sample, DType dtype);

/// A second backward adds to the gradients that the leaves have.
void CheckAccumulation(const OpSpec& row, const Sample& sample, DType dtype);

/// Gradients are the same in every kind of destination that the autograd engine hands out.
void CheckDestinations(const OpSpec& row, const Sample& sample, DType dtype);

}  // namespace convoy
