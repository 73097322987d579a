// Products through cuBLASLt: descriptors and algorithm are chosen once per kind of product.
#pragma once

#include <cstdint>

#include "ops/gemm.h"

namespace convoy::cuda {

/// What the product's kernel does besides, while the result is still in registers.
enum class GemmEpilogue {
  kNone,
  kRelu,           ///< c = max(product + bias, 0)
  kGelu,           ///< c = gelu(product + bias), the tanh approximation
  kGeluKeepInput,  ///< the same, and aux (m, n) = product + bias
  kBiasGradient,   ///< aux (m) = sum over k of op(a): a is a gradient (rows, m), transposed
};

/// A product for cuBLASLt: every extent is 1 or more, and batch at most 65535.
struct GemmCall {
  GemmArguments g;  ///< without sum_batch
  GemmEpilogue epilogue = GemmEpilogue::kNone;
  void* aux = nullptr;
  DType result = g.dtype;  ///< of c: that of a and b, or f32
};

/// Queues the product. False, and nothing done, if cuBLASLt has no algorithm for it.
/// Throws: Error if the library is missing or a call of it fails.
bool RunGemm(const GemmCall& call);

/// Counters of the process, for tests and benchmarks.
struct GemmPlanStats {
  int64_t plans = 0;     ///< kinds of products seen
  int64_t hits = 0;      ///< products that found their plan made
  int64_t timed = 0;     ///< plans whose algorithms were timed
  int64_t declined = 0;  ///< products for which there was no algorithm
};
GemmPlanStats PlanStats();

}  // namespace convoy::cuda
