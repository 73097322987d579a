// What device code is written with; the same source compiles for a GPU (nvcc) and for the simulated
// device (tests/sim), where a kernel is an ordinary function that fibers run.
//
// Kernels are `__global__` functions (templates too) that take values and pointers, use threadIdx,
// blockIdx, blockDim, gridDim, __syncthreads, warp shuffles and atomics as in CUDA C++, and are
// started with Launch (core/cuda/launch.h). Blocks run in any order; lanes of a warp do not run in
// lock-step: use __syncwarp or the _sync functions. Assume 32 lanes a warp.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>

#include "core/dtype.h"
#include "core/host_device.h"

#if defined(CONVOY_SIM)
#include "tests/sim/kernel.h"
#endif

/// Before a loop with a constant bound: unrolled on a GPU, so that its index costs nothing.
#if defined(__CUDACC__)
#define CONVOY_UNROLL _Pragma("unroll")
#else
#define CONVOY_UNROLL
#endif

namespace convoy::cuda {

inline constexpr int kWarp = 32;

#if !defined(CONVOY_SIM) && defined(__CUDACC__)
/// The block's dynamic shared memory, as many bytes as Launch was told; aligned to 16.
template <typename T>
__device__ __forceinline__ T* DynamicShared() {
  extern __shared__ __align__(16) unsigned char convoy_dynamic_shared[];
  return reinterpret_cast<T*>(convoy_dynamic_shared);
}
#elif defined(CONVOY_SIM)
template <typename T>
T* DynamicShared() {
  return static_cast<T*>(sim::BlockSharedMemory());
}
#endif

#if defined(CONVOY_SIM) || defined(__CUDACC__)
/// N elements that are read and written as one access; 16 bytes is the widest.
template <typename T, int N>
struct alignas(sizeof(T) * N) Pack {
  T values[N];
  __device__ T& operator[](int i) { return values[i]; }
  __device__ const T& operator[](int i) const { return values[i]; }
};

/// Elements of a 16-byte access.
template <typename T>
inline constexpr int kPackElements = 16 / static_cast<int>(sizeof(T));

/// `from` must be aligned to the access.
template <int N, typename T>
__device__ __forceinline__ Pack<T, N> LoadPack(const T* from) {
  return *reinterpret_cast<const Pack<T, N>*>(from);
}
template <int N, typename T>
__device__ __forceinline__ void StorePack(T* to, const Pack<T, N>& pack) {
  *reinterpret_cast<Pack<T, N>*>(to) = pack;
}

/// To and from the type that values are computed in.
template <typename T>
__device__ __forceinline__ ComputeType<T> Widen(T value) {
  return static_cast<ComputeType<T>>(value);
}
template <typename T>
__device__ __forceinline__ T Round(ComputeType<T> value) {
  return static_cast<T>(value);
}

/// Sum over the lanes of a full warp, in every lane; the order of additions is fixed.
template <typename T>
__device__ __forceinline__ T WarpSum(T value) {
  for (int lanes = kWarp / 2; lanes > 0; lanes /= 2) {
    value += __shfl_xor_sync(0xffffffffu, value, lanes);
  }
  return value;
}

/// Sum over the block, in every thread; blockDim.x is a multiple of 32 and the only dimension.
/// Uses `shared[33]`, which may be used again right after.
template <typename T>
__device__ __forceinline__ T BlockSum(T value, T* shared) {
  const int lane = threadIdx.x % kWarp, warp = threadIdx.x / kWarp;
  const int warps = blockDim.x / kWarp;
  value = WarpSum(value);
  if (lane == 0) shared[warp] = value;
  __syncthreads();
  if (warp == 0) {
    value = WarpSum(lane < warps ? shared[lane] : T{});
    if (lane == 0) shared[kWarp] = value;
  }
  __syncthreads();
  value = shared[kWarp];
  __syncthreads();
  return value;
}
#endif

}  // namespace convoy::cuda
