// The functions of cuBLASLt, from the shared library or from the simulated device.
#include "ops/cuda/cublaslt_api.h"

#include <dlfcn.h>

#include "core/error.h"

namespace convoy::cuda {
namespace {

#if defined(CONVOY_SIM)
CublasLtApi Load() {
  CublasLtApi api;
#define CONVOY_CUBLASLT_FAKE(function) api.function = &::function;
  CONVOY_CUBLASLT_FUNCTIONS(CONVOY_CUBLASLT_FAKE)
#undef CONVOY_CUBLASLT_FAKE
  return api;
}
#else
CublasLtApi Load() {
  void* library = dlopen("libcublasLt.so.13", RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr)
    library = dlopen(CONVOY_CUDA_LIBRARIES "/libcublasLt.so.13", RTLD_NOW | RTLD_LOCAL);
  CONVOY_CHECK(library != nullptr, "[CUDA] cannot open libcublasLt.so.13: {}", dlerror());
  CublasLtApi api;
#define CONVOY_CUBLASLT_FIND(function)                                                \
  api.function = reinterpret_cast<decltype(api.function)>(dlsym(library, #function)); \
  CONVOY_CHECK(api.function != nullptr, "[CUDA] {}", dlerror());
  CONVOY_CUBLASLT_FUNCTIONS(CONVOY_CUBLASLT_FIND)
#undef CONVOY_CUBLASLT_FIND
  return api;
}
#endif

}  // namespace

const CublasLtApi& CublasLt() {
  static const CublasLtApi api = Load();
  return api;
}

namespace internal {

void FailCublasLt(cublasStatus_t status, const char* call, const char* file, int line) {
  Fail("[CUDA] {} failed: {} ({}), at {}:{}", call, CublasLt().cublasLtGetStatusString(status),
       CublasLt().cublasLtGetStatusName(status), file, line);
}

}  // namespace internal
}  // namespace convoy::cuda
