// Kernel of ArgMax.
#include "core/cuda/kernel.h"
#include "core/cuda/launch.h"
#include "core/cuda/stream.h"
#include "ops/reduce_kernels.h"

namespace convoy {
namespace {

constexpr int kThreads = 256;
constexpr int64_t kWarpCount = 2048;  // searched by a warp, if no more

template <typename C>
struct Candidate {
  C value;
  int64_t at;

  // Greater, or as great and earlier; NaN is greatest. One that was never set is last.
  __device__ __forceinline__ bool Beats(const Candidate& other) const {
    if (at < 0 || other.at < 0) return at >= 0;
    const bool nan = value != value, other_nan = other.value != other.value;
    if (nan || other_nan) return nan && (!other_nan || at < other.at);
    return value > other.value || (value == other.value && at < other.at);
  }
};

// Each output is found by `lanes` threads: a power of two up to 32, or the block.
template <typename T>
__global__ void __launch_bounds__(kThreads)
    ArgMaxKernel(const T* x, int64_t outputs, int64_t count, int64_t inner, int lanes, int64_t* y) {
  using C = ComputeType<T>;
  const int lane = static_cast<int>(threadIdx.x) & (lanes - 1);
  const int64_t output = int64_t{blockIdx.x} * (kThreads / lanes) + threadIdx.x / lanes;
  Candidate<C> best = {C{0}, -1};
  if (output < outputs) {
    const T* from = x + output / inner * count * inner + output % inner;
    for (int64_t k = lane; k < count; k += lanes) {
      const Candidate<C> next = {cuda::Widen(from[k * inner]), k};
      if (next.Beats(best)) best = next;
    }
  }
  const int in_warp = lanes < cuda::kWarp ? lanes : cuda::kWarp;
  for (int half = in_warp / 2; half > 0; half /= 2) {
    const Candidate<C> other = {__shfl_xor_sync(0xffffffffu, best.value, half),
                                __shfl_xor_sync(0xffffffffu, best.at, half)};
    if (other.Beats(best)) best = other;
  }
  if (lanes > cuda::kWarp) {
    auto* shared = cuda::DynamicShared<Candidate<C>>();  // one of each warp
    if (threadIdx.x % cuda::kWarp == 0) shared[threadIdx.x / cuda::kWarp] = best;
    __syncthreads();
    if (threadIdx.x == 0) {
      for (int warp = 1; warp < kThreads / cuda::kWarp; ++warp) {
        if (shared[warp].Beats(best)) best = shared[warp];
      }
    }
  }
  if (output < outputs && lane == 0) y[output] = best.at;
}

void ArgMax(ReduceForm form, const View& x, const View& y) {
  const cudaStream_t stream = cuda::Use(x.device());
  // Neighbouring threads read neighbours: along the row, or of neighbouring columns.
  int lanes = 1;
  if (form.inner == 1) {
    while (lanes < cuda::kWarp && lanes < form.count) lanes *= 2;
    if (form.count > kWarpCount) lanes = kThreads;
  }
  DispatchFloating(x.dtype(), "ArgMax", [&]<typename T>(T) {
    using C = ComputeType<T>;
    cuda::Launch(ArgMaxKernel<T>, cuda::BlocksFor(y.numel(), kThreads / lanes), kThreads,
                 kThreads / cuda::kWarp * sizeof(Candidate<C>), stream, x.data<T>(), y.numel(),
                 form.count, form.inner, lanes, y.data<int64_t>());
  });
}

CONVOY_REGISTER_KERNEL(arg_max, kCuda, ArgMax);

}  // namespace
}  // namespace convoy
