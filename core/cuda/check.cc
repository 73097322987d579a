// Checked calls of the CUDA runtime.
#include "core/cuda/check.h"

#include "core/error.h"

namespace convoy::cuda::internal {

void FailCall(cudaError_t error, const char* call, const char* file, int line) {
  cudaGetLastError();  // an error that is not sticky must not show up at the next call
  Fail("[CUDA] {} failed: {} ({}), at {}:{}", call, cudaGetErrorString(error),
       cudaGetErrorName(error), file, line);
}

}  // namespace convoy::cuda::internal
