// Checked calls of the CUDA runtime.
#include "core/cuda/check.h"

#include "core/base/error.h"

namespace convoy::cuda::internal {
namespace {

// After these every later call fails too, until the process ends.
bool LosesDevice(cudaError_t error) {
  switch (error) {
    case cudaErrorIllegalAddress:
    case cudaErrorLaunchFailure:
    case cudaErrorLaunchTimeout:
    case cudaErrorHardwareStackError:
    case cudaErrorIllegalInstruction:
    case cudaErrorMisalignedAddress:
    case cudaErrorInvalidAddressSpace:
    case cudaErrorInvalidPc:
    case cudaErrorAssert:
    case cudaErrorECCUncorrectable:
    case cudaErrorNvlinkUncorrectable:
    case cudaErrorContained:
    case cudaErrorExternalDevice:
      return true;
    default:
      return false;
  }
}

}  // namespace

void FailCall(cudaError_t error, const char* call, const char* file, int line) {
  cudaGetLastError();  // an error that is not sticky must not show up at the next call
  Fail("[CUDA] {} failed: {} ({}), at {}:{}{}", call, cudaGetErrorString(error),
       cudaGetErrorName(error), file, line,
       LosesDevice(error)
           ? ". A kernel started earlier is the cause, and the GPU is lost for this process: "
             "restart it; compute-sanitizer, or CUDA_LAUNCH_BLOCKING=1, names the kernel"
           : "");
}

}  // namespace convoy::cuda::internal
