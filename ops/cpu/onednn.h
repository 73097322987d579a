// oneDNN as this library uses it: single-threaded primitives, cached per thread. A device's own
// threads cut a product into slices and run one primitive each.
#pragma once

#include <cstdint>

#include "core/dtype.h"

namespace convoy {

/// One slice of a product, as oneDNN sees it: any row strides, inner dimension contiguous.
/// Everything but the pointers is the key of a cached primitive.
struct OneDnnMatMul {
  DType dtype = DType::kF32;  // f32 or bf16
  bool transpose_a = false, transpose_b = false, accumulate = false, has_bias = false;
  int64_t batch = 1, m = 0, n = 0, k = 0;
  int64_t lda = 0, ldb = 0, ldc = 0;                 // elements from one stored row to the next
  int64_t stride_a = 0, stride_b = 0, stride_c = 0;  // elements between matrices; 0 repeats one

  bool operator==(const OneDnnMatMul&) const = default;
};

/// Whether oneDNN has matrix products of this dtype on this processor.
bool OneDnnSupports(DType dtype);

/// Runs on the calling thread only. Throws: Error with oneDNN's own text.
void RunOneDnnMatMul(const OneDnnMatMul& problem, const void* a, const void* b, const void* bias,
                     void* c);

}  // namespace convoy
