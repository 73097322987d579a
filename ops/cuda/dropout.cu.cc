// Kernel of Dropout.
#include <cmath>

#include "core/cuda/kernel.h"
#include "core/cuda/launch.h"
#include "core/cuda/stream.h"
#include "ops/cuda/map_plan.h"
#include "ops/dropout_kernels.h"

namespace convoy {
namespace {

constexpr int kThreads = 256;
constexpr int kBlock = 4;  // numbers that are drawn at once

// Elements of a thread: whole accesses of 16 bytes, and whole blocks of numbers.
template <typename T>
constexpr int kElements = cuda::kPackElements<T> > kBlock ? cuda::kPackElements<T> : kBlock;

// Element i is dropped if the upper 24 bits of number i are below `threshold`.
template <typename T>
__global__ void __launch_bounds__(kThreads)
    DropoutKernel(const T* x, int64_t n, uint32_t threshold, ComputeType<T> scale,
                  RandomStream stream, bool packs, bool accumulate, T* y) {
  using C = ComputeType<T>;
  constexpr int N = kElements<T>, P = cuda::kPackElements<T>;
  const int64_t first = (int64_t{blockIdx.x} * kThreads + threadIdx.x) * N;
  if (first >= n) return;
  const RandomStream random = stream.OnDevice();
  const bool whole = packs && first + N <= n;
  const auto load = [&](const T* from, C(&values)[N]) {
    if (whole) {
      for (int p = 0; p < N; p += P) {
        const cuda::Pack<T, P> pack = cuda::LoadPack<P>(from + first + p);
        for (int k = 0; k < P; ++k) values[p + k] = cuda::Widen(pack[k]);
      }
    } else {
      for (int k = 0; k < N; ++k) values[k] = first + k < n ? cuda::Widen(from[first + k]) : C{0};
    }
  };
  C values[N], old[N];
  load(x, values);
  if (accumulate) load(y, old);
  CONVOY_UNROLL
  for (int b = 0; b < N; b += kBlock) {
    const auto bits = random.Block(static_cast<uint64_t>((first + b) / kBlock));
    CONVOY_UNROLL
    for (int k = 0; k < kBlock; ++k) {
      C& value = values[b + k];
      value = bits[static_cast<size_t>(k)] >> 8 < threshold ? C{0} : value * scale;
      if (accumulate) value += old[b + k];
    }
  }
  if (whole) {
    for (int p = 0; p < N; p += P) {
      cuda::Pack<T, P> pack;
      for (int k = 0; k < P; ++k) pack[k] = cuda::Round<T>(values[p + k]);
      cuda::StorePack(y + first + p, pack);
    }
  } else {
    for (int k = 0; k < N; ++k) {
      if (first + k < n) y[first + k] = cuda::Round<T>(values[k]);
    }
  }
}

void DropoutOnCuda(const View& x, double p, const RandomStream& stream, const GradTarget& y) {
  const cudaStream_t cuda_stream = cuda::Use(x.device());
  const int64_t n = x.numel();
  // Uniform numbers are multiples of 2^-24: one is below p if it is below the next multiple.
  const auto threshold = static_cast<uint32_t>(std::ceil(p * 0x1p24));
  DispatchFloating(x.dtype(), "Dropout", [&]<typename T>(T) {
    constexpr int P = cuda::kPackElements<T>;
    const bool packs = cuda::IsAlignedFor(x, P) && cuda::IsAlignedFor(y.tensor, P);
    cuda::Launch(DropoutKernel<T>, cuda::BlocksFor(n, kThreads, kElements<T>), kThreads, 0,
                 cuda_stream, x.data<T>(), n, threshold, 1 / (1 - p), stream, packs, y.accumulate,
                 y.tensor.data<T>());
  });
}

CONVOY_REGISTER_KERNEL(dropout, kCuda, DropoutOnCuda);

}  // namespace
}  // namespace convoy
