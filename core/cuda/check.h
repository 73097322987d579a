// Checked calls of the CUDA runtime.
#pragma once

#include <cuda_runtime_api.h>

namespace convoy::cuda::internal {

/// Throws: Error with the call, its place and the library's own name and text of the error.
[[noreturn]] void FailCall(cudaError_t error, const char* call, const char* file, int line);

}  // namespace convoy::cuda::internal

/// Evaluates a call that returns a cudaError_t; throws Error unless it succeeds.
#define CONVOY_CUDA(call)                                                          \
  do {                                                                             \
    if (const cudaError_t convoy_error = (call); convoy_error != cudaSuccess)      \
      ::convoy::cuda::internal::FailCall(convoy_error, #call, __FILE__, __LINE__); \
  } while (false)
