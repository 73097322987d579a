// The matrix product that MatMul and Linear share: what a kernel is told.
#pragma once

#include <cstdint>

#include "core/device.h"
#include "core/dtype.h"
#include "ops/kernel.h"

namespace convoy {

/// c (+)= op(a) @ op(b) [+ bias], for `batch` matrices; all row-major.
struct GemmArguments {
  Device device;
  DType dtype = DType::kF32;  ///< of all operands; bf16 and f16 accumulate in f32
  int64_t m = 0, n = 0, k = 0;
  const void* a = nullptr;  ///< (m, k), or (k, m) if transpose_a
  const void* b = nullptr;  ///< (k, n), or (n, k) if transpose_b
  void* c = nullptr;        ///< (m, n)
  bool transpose_a = false;
  bool transpose_b = false;
  bool accumulate = false;     ///< add to what c holds (a GEMM's beta = 1)
  const void* bias = nullptr;  ///< (n), added to every row; not with `accumulate`
  int64_t batch = 1;
  bool repeat_a = false;  ///< one a for all matrices of the batch
  bool repeat_b = false;  ///< one b for all matrices of the batch
  /// c is one matrix: the sum of the products of the batch, rounded to the dtype once.
  bool sum_batch = false;
};

inline constinit Kernel<void(const GemmArguments&)> gemm{"MatMul"};

}  // namespace convoy
