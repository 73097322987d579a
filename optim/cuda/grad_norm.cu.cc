// Partial sums of squares on a GPU: a block for each chunk, in f64, in a fixed order.
#include "core/cuda/kernel.h"
#include "core/cuda/launch.h"
#include "core/cuda/stream.h"
#include "optim/step_kernels.h"

namespace convoy {
namespace {

constexpr int kThreads = 256;

// `numel` is a multiple of the elements of an access.
template <typename T>
__global__ void __launch_bounds__(kThreads)
    SumOfSquaresKernel(const T* x, int64_t numel, double* parts) {
  constexpr int kN = cuda::kPackElements<T>;
  const int64_t begin = int64_t{blockIdx.x} * kNormChunk;
  const int64_t end = begin + kNormChunk < numel ? begin + kNormChunk : numel;
  double sums[2] = {0, 0};
  for (int64_t i = begin + int64_t{threadIdx.x} * kN; i < end; i += kThreads * kN) {
    const cuda::Pack<T, kN> pack = cuda::LoadPack<kN>(x + i);
    for (int k = 0; k < kN; ++k) {
      const double value = static_cast<double>(cuda::Widen(pack[k]));
      sums[k % 2] += value * value;
    }
  }
  __shared__ double shared[cuda::kWarp + 1];
  const double sum = cuda::BlockSum(sums[0] + sums[1], shared);
  if (threadIdx.x == 0) parts[blockIdx.x] = sum;
}

void SumOfSquares(const View& x, const View& parts) {
  const cudaStream_t stream = cuda::Use(x.device());
  DispatchFloating(x.dtype(), "GradNorm", [&]<typename T>(T) {
    cuda::Launch(SumOfSquaresKernel<T>, cuda::BlocksFor(x.numel(), kNormChunk), kThreads, 0, stream,
                 x.data<T>(), x.numel(), parts.data<double>());
  });
}

CONVOY_REGISTER_KERNEL(sum_of_squares, kCuda, SumOfSquares);

}  // namespace
}  // namespace convoy
