// What stands behind the descriptors of the simulated cuBLASLt.
#pragma once

#include <cublasLt.h>

#include <cstdint>

namespace convoy::sim::cublaslt {

struct Operation {
  cublasComputeType_t compute;
  cudaDataType_t scale;
  int32_t transpose_a = CUBLAS_OP_N, transpose_b = CUBLAS_OP_N;
  uint32_t epilogue = CUBLASLT_EPILOGUE_DEFAULT;
  void* bias = nullptr;
  void* aux = nullptr;
  int64_t aux_ld = 0;
};

struct Layout {
  cudaDataType_t type;
  uint64_t rows, columns;
  int64_t ld;
  int32_t batch = 1;
  int64_t stride = 0;
};

struct Preference {
  uint64_t workspace = 0;
  uint32_t reductions = CUBLASLT_REDUCTION_SCHEME_MASK;
  uint32_t align_a = 256, align_b = 256, align_c = 256, align_d = 256;
};

/// The T behind a descriptor.
template <typename T, typename Opaque>
T& Of(Opaque* descriptor) {
  return *reinterpret_cast<T*>(descriptor);
}

/// Prints what a call got wrong.
cublasStatus_t Invalid(const char* what);

}  // namespace convoy::sim::cublaslt
