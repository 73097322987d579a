// The functions of cuDNN, from the shared library.
#if !defined(CONVOY_SIM)
#include "ops/cuda/cudnn_api.h"

#include <type_traits>

#include "core/cuda/library.h"

namespace convoy::cuda {

const CudnnApi& Cudnn() {
  static const CudnnApi api = [] {
    const Library library("libcudnn.so.9");
    CudnnApi found;
#define CONVOY_CUDNN_FIND(function) \
  found.function = library.Get<std::remove_pointer_t<decltype(found.function)>>(#function);
    CONVOY_CUDNN_FUNCTIONS(CONVOY_CUDNN_FIND)
#undef CONVOY_CUDNN_FIND
    return found;
  }();
  return api;
}

}  // namespace convoy::cuda
#endif
