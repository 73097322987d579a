// The functions of cuBLASLt, from the shared library or from the simulated device.
#include "ops/cuda/cublaslt_api.h"

#include <type_traits>

#include "core/base/error.h"
#include "core/cuda/library.h"

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
  const Library library("libcublasLt.so.13");
  CublasLtApi api;
#define CONVOY_CUBLASLT_FIND(function) \
  api.function = library.Get<std::remove_pointer_t<decltype(api.function)>>(#function);
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
