// Starts a kernel on a stream: the one way in which Convoy does so.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>
#include <tuple>
#include <type_traits>
#include <utility>

#include "core/cuda/check.h"

#if defined(CONVOY_SIM)
#include "tests/sim/launch.h"
#endif

namespace convoy::cuda {

/// Blocks of `threads` that cover `n` elements, each thread `per_thread` of them.
inline unsigned BlocksFor(int64_t n, int64_t threads, int64_t per_thread = 1) {
  const int64_t per_block = threads * per_thread;
  return static_cast<unsigned>((n + per_block - 1) / per_block);
}

/// kernel<<<grid, block, shared_bytes, stream>>>(args...); nothing if the grid is empty. The
/// arguments are converted to the kernel's parameter types. Throws: Error if the launch is refused.
template <typename... Parameters, typename... Args>
void Launch(void (*kernel)(Parameters...), dim3 grid, dim3 block, size_t shared_bytes,
            cudaStream_t stream, Args&&... args) {
  static_assert(sizeof...(Parameters) == sizeof...(Args), "wrong number of kernel arguments");
  static_assert((!std::is_reference_v<Parameters> && ...), "kernels take values and pointers");
  if (grid.x == 0 || grid.y == 0 || grid.z == 0) return;
  std::tuple<std::remove_cv_t<Parameters>...> values(std::forward<Args>(args)...);
#if defined(CONVOY_SIM)
  CONVOY_CUDA(sim::LaunchKernel(grid, block, shared_bytes, stream,
                                [kernel, values] { std::apply(kernel, values); }));
#else
  constexpr size_t kSharedWithoutAsking = 48 << 10;
  if (shared_bytes > kSharedWithoutAsking) {
    CONVOY_CUDA(cudaFuncSetAttribute(reinterpret_cast<const void*>(kernel),
                                     cudaFuncAttributeMaxDynamicSharedMemorySize,
                                     static_cast<int>(shared_bytes)));
  }
  std::apply(
      [&](auto&... value) {
        void* pointers[] = {const_cast<void*>(static_cast<const void*>(&value))..., nullptr};
        CONVOY_CUDA(cudaLaunchKernel(reinterpret_cast<const void*>(kernel), grid, block, pointers,
                                     shared_bytes, stream));
      },
      values);
#endif
}

}  // namespace convoy::cuda
