// Kernels around the products: rows filled or added to, partial products summed, and a plain
// product for what cuBLASLt declines.
#pragma once

#include <cstdint>

#include "ops/gemm.h"

namespace convoy::cuda {

/// c (rows, n) = row (n), or 0 if there is none.
void FillRows(Device device, DType dtype, const void* row, void* c, int64_t rows, int64_t n);

/// c (rows, n) += row (n).
void AddRow(Device device, DType dtype, const void* row, void* c, int64_t rows, int64_t n);

/// c (numel) (+)= the sum of parts (count, numel), in their order; parts are f32, or f64 for f64.
void SumParts(Device device, const void* parts, int64_t count, int64_t numel, DType dtype, void* c,
              bool accumulate);

/// A product of any size, 65535 matrices at most, without sum_batch.
void PlainGemm(const GemmArguments& g);

}  // namespace convoy::cuda
