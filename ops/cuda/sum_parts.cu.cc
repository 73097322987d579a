// Adds up partial sums: (chunks, N) to (N).
#include "ops/sum_parts.h"

#include "core/cuda/kernel.h"
#include "core/cuda/launch.h"
#include "core/cuda/stream.h"

namespace convoy {
namespace {

constexpr int kThreads = 256;

// One thread a column: chunks are few, and neighbours read neighbours.
template <typename P, typename T>
__global__ void SumPartsKernel(const P* parts, int64_t chunks, int64_t n, T* to, bool accumulate) {
  const int64_t i = int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (i >= n) return;
  P sum = accumulate ? static_cast<P>(cuda::Widen(to[i])) : P{0};
  for (int64_t c = 0; c < chunks; ++c) sum += parts[c * n + i];
  to[i] = static_cast<T>(sum);
}

void SumParts(const Tensor& parts, const GradTarget& to) {
  const cudaStream_t stream = cuda::Use(to.tensor.device());
  const int64_t chunks = parts.dim(0), n = to.tensor.numel();
  DispatchFloating(to.tensor.dtype(), "SumParts", [&]<typename T>(T) {
    using P = ComputeType<T>;
    cuda::Launch(SumPartsKernel<P, T>, cuda::BlocksFor(n, kThreads), kThreads, 0, stream,
                 parts.data<P>(), chunks, n, to.tensor.data<T>(), to.accumulate);
  });
}

CONVOY_REGISTER_KERNEL(sum_parts, kCuda, SumParts);

}  // namespace
}  // namespace convoy
