// Partial sums of squares on a GPU: a warp for each block of elements, in f64, in a fixed order.
#include "core/cuda/kernel.h"
#include "core/cuda/launch.h"
#include "core/cuda/stream.h"
#include "optim/step_kernels.h"

namespace convoy {
namespace {

constexpr int kWarps = 8;
constexpr int kThreads = kWarps * cuda::kWarp;

// A warp sums a block of kFlatAlignElements elements.
template <typename T>
__global__ void __launch_bounds__(kThreads)
    SumOfSquaresKernel(const T* x, int64_t blocks, double* parts) {
  constexpr int kN = cuda::kPackElements<T>;
  const int lane = threadIdx.x % cuda::kWarp;
  const int64_t block = int64_t{blockIdx.x} * kWarps + threadIdx.x / cuda::kWarp;
  if (block >= blocks) return;
  const T* from = x + block * kFlatAlignElements;
  double sums[2] = {0, 0};
  for (int i = lane * kN; i < kFlatAlignElements; i += cuda::kWarp * kN) {
    const cuda::Pack<T, kN> pack = cuda::LoadPack<kN>(from + i);
    for (int k = 0; k < kN; ++k) {
      const double value = static_cast<double>(cuda::Widen(pack[k]));
      sums[k % 2] += value * value;
    }
  }
  const double sum = cuda::WarpSum(sums[0] + sums[1]);
  if (lane == 0) parts[block] = sum;
}

void SumOfSquares(const View& x, const View& parts) {
  const cudaStream_t stream = cuda::Use(x.device());
  DispatchFloating(x.dtype(), "GradNorm", [&]<typename T>(T) {
    cuda::Launch(SumOfSquaresKernel<T>, cuda::BlocksFor(parts.numel(), kWarps), kThreads, 0, stream,
                 x.data<T>(), parts.numel(), parts.data<double>());
  });
}

CONVOY_REGISTER_KERNEL(sum_of_squares, kCuda, SumOfSquares);

}  // namespace
}  // namespace convoy
