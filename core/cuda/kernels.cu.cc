// The kernels of the core itself.
#include "core/cuda/kernels.h"

#include "core/cuda/kernel.h"
#include "core/cuda/launch.h"
#include "core/cuda/stream.h"

namespace convoy::cuda {
namespace {

constexpr int kThreads = 256;

template <typename T>
__device__ __forceinline__ T Sum(T a, T b) {
  return Round<T>(Widen(a) + Widen(b));
}

// One thread a pack; the last thread adds what is left over.
template <typename T, int N>
__global__ void AddIntoKernel(T* to, const T* from, int64_t n) {
  const int64_t i = (int64_t{blockIdx.x} * kThreads + threadIdx.x) * N;
  if (i + N <= n) {
    Pack<T, N> sum = LoadPack<N>(to + i);
    const Pack<T, N> term = LoadPack<N>(from + i);
    for (int k = 0; k < N; ++k) sum[k] = Sum(sum[k], term[k]);
    StorePack(to + i, sum);
    return;
  }
  for (int64_t k = i; k < n; ++k) to[k] = Sum(to[k], from[k]);
}

template <typename T>
__global__ void FillKernel(T* to, T value, int64_t n) {
  const int64_t i = int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (i < n) to[i] = value;
}

template <typename T>
void FillWith(T* to, T value, int64_t n, cudaStream_t stream) {
  Launch(FillKernel<T>, BlocksFor(n, kThreads), kThreads, 0, stream, to, value, n);
}

}  // namespace

void AddInto(Device device, void* to, const void* from, DType dtype, int64_t numel) {
  const cudaStream_t stream = Use(device);
  const bool aligned =
      (reinterpret_cast<uintptr_t>(to) | reinterpret_cast<uintptr_t>(from)) % 16 == 0;
  DispatchFloating(dtype, "AddInto", [&]<typename T>(T) {
    T* out = static_cast<T*>(to);
    const T* in = static_cast<const T*>(from);
    if (aligned) {
      constexpr int kN = kPackElements<T>;
      Launch(AddIntoKernel<T, kN>, BlocksFor(numel, kThreads, kN), kThreads, 0, stream, out, in,
             numel);
    } else {
      Launch(AddIntoKernel<T, 1>, BlocksFor(numel, kThreads), kThreads, 0, stream, out, in, numel);
    }
  });
}

void Fill(Device device, void* to, DType dtype, double value, int64_t numel) {
  const cudaStream_t stream = Use(device);
  DispatchAll(dtype, [&]<typename T>(T) {
    using C = ComputeType<T>;
    FillWith(static_cast<T*>(to), static_cast<T>(static_cast<C>(value)), numel, stream);
  });
}

}  // namespace convoy::cuda
