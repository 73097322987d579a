// The functions of cuBLASLt that Convoy calls, found when the first product asks for them.
#pragma once

#include <cublasLt.h>

// clang-format off
#define CONVOY_CUBLASLT_FUNCTIONS(X)  \
  X(cublasLtCreate)                   \
  X(cublasLtGetStatusName)            \
  X(cublasLtGetStatusString)          \
  X(cublasLtGetVersion)               \
  X(cublasLtMatmul)                   \
  X(cublasLtMatmulAlgoGetHeuristic)   \
  X(cublasLtMatmulDescCreate)         \
  X(cublasLtMatmulDescDestroy)        \
  X(cublasLtMatmulDescSetAttribute)   \
  X(cublasLtMatmulPreferenceCreate)   \
  X(cublasLtMatmulPreferenceDestroy)  \
  X(cublasLtMatmulPreferenceSetAttribute) \
  X(cublasLtMatrixLayoutCreate)       \
  X(cublasLtMatrixLayoutDestroy)      \
  X(cublasLtMatrixLayoutSetAttribute)
// clang-format on

namespace convoy::cuda {

/// One pointer per function, under the function's own name.
struct CublasLtApi {
#define CONVOY_CUBLASLT_POINTER(function) decltype(&::function) function = nullptr;
  CONVOY_CUBLASLT_FUNCTIONS(CONVOY_CUBLASLT_POINTER)
#undef CONVOY_CUBLASLT_POINTER
};

/// Throws: Error naming what was tried if the library or one of the functions cannot be found.
const CublasLtApi& CublasLt();

namespace internal {
/// Throws: Error with the call, its place and the library's own name and text of the status.
[[noreturn]] void FailCublasLt(cublasStatus_t status, const char* call, const char* file, int line);
}  // namespace internal
}  // namespace convoy::cuda

/// Evaluates a call that returns a cublasStatus_t; throws Error unless it succeeds.
#define CONVOY_CUBLASLT(call)                                                                \
  do {                                                                                       \
    if (const cublasStatus_t convoy_status = (call); convoy_status != CUBLAS_STATUS_SUCCESS) \
      ::convoy::cuda::internal::FailCublasLt(convoy_status, #call, __FILE__, __LINE__);      \
  } while (false)
