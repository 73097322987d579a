// The functions of cuDNN that its frontend calls, found when the first attention asks for them: so
// a program starts, and computes, without the library. Included before the frontend's header, whose
// calls it redirects.
#pragma once

#include <cudnn.h>

#include <string>

// clang-format off
#define CONVOY_CUDNN_FUNCTIONS(X)   \
  X(cudnnBackendCreateDescriptor)   \
  X(cudnnBackendDestroyDescriptor)  \
  X(cudnnBackendExecute)            \
  X(cudnnBackendFinalize)           \
  X(cudnnBackendGetAttribute)       \
  X(cudnnBackendSetAttribute)       \
  X(cudnnCreate)                    \
  X(cudnnCreateFilterDescriptor)    \
  X(cudnnDestroyFilterDescriptor)   \
  X(cudnnGetErrorString)            \
  X(cudnnGetLastErrorString)        \
  X(cudnnGetStream)                 \
  X(cudnnGetVersion)                \
  X(cudnnReorderFilterAndBias)      \
  X(cudnnSetFilterNdDescriptor)     \
  X(cudnnSetStream)
// clang-format on

namespace convoy::cuda {

/// One pointer per function, under the function's own name.
struct CudnnApi {
#define CONVOY_CUDNN_POINTER(function) decltype(&::function) function = nullptr;
  CONVOY_CUDNN_FUNCTIONS(CONVOY_CUDNN_POINTER)
#undef CONVOY_CUDNN_POINTER
};

/// Throws: Error naming what was tried if the library or one of the functions cannot be found.
const CudnnApi& Cudnn();

}  // namespace convoy::cuda
