// A step's control on a GPU: one small block decides for all.
#include <climits>

#include "core/cuda/kernel.h"
#include "core/cuda/launch.h"
#include "core/cuda/stream.h"
#include "optim/step_kernels.h"

namespace convoy {
namespace {

constexpr int kThreads = 512;

struct PreparePointers {
  StepControl* control;
  StepCounters* counters;
  ScalerState* scaler;
  const double* parts;
  int64_t num_parts;
  const int64_t* entries;
  int64_t num_entries;
};

// The smallest i in [begin, end) for which `bad` holds, in every thread; `end` if there is none.
template <typename F>
__device__ int64_t FirstInBlock(int64_t begin, int64_t end, F&& bad) {
  __shared__ unsigned long long first;
  if (threadIdx.x == 0) first = static_cast<unsigned long long>(end);
  __syncthreads();
  for (int64_t i = begin + threadIdx.x; i < end; i += kThreads) {
    if (!bad(i)) continue;
    atomicMin(&first, static_cast<unsigned long long>(i));
    break;
  }
  __syncthreads();
  const int64_t result = static_cast<int64_t>(first);
  __syncthreads();  // before anybody sets it anew
  return result;
}

// The parameter with the first sum that is not finite, or -1: only their total overflowed.
__device__ int64_t BadParameter(const PreparePointers& p) {
  const int64_t part =
      FirstInBlock(0, p.num_parts, [&](int64_t i) { return !IsFiniteSum(p.parts[i]); });
  return part == p.num_parts ? -1 : ParameterOfPart(p.entries, p.num_entries, part);
}

__global__ void __launch_bounds__(kThreads) PrepareStepKernel(PreparePointers p, StepRule rule) {
  __shared__ double shared[cuda::kWarp + 1];
  __shared__ bool search;
  double sum = 0;
  if (rule.measure) {
    for (int64_t i = threadIdx.x; i < p.num_parts; i += kThreads) sum += p.parts[i];
    sum = cuda::BlockSum(sum, shared);
  }
  if (threadIdx.x == 0) search = DecideStep(rule, sum, *p.control, *p.counters, p.scaler);
  __syncthreads();
  if (!search) return;
  const int64_t parameter = BadParameter(p);
  if (threadIdx.x == 0) p.control->bad_parameter = static_cast<double>(parameter);
}

void PrepareStep(const StepBuffers& buffers, const View& scaler, const StepRule& rule) {
  const cudaStream_t stream = cuda::Use(buffers.control.device());
  const PreparePointers pointers = {.control = ControlOf(buffers.control),
                                    .counters = CountersOf(buffers.counters),
                                    .scaler = ScalerOf(scaler),
                                    .parts = buffers.parts.data<double>(),
                                    .num_parts = buffers.parts.numel(),
                                    .entries = buffers.entries.data<int64_t>(),
                                    .num_entries = buffers.entries.numel()};
  cuda::Launch(PrepareStepKernel, 1, kThreads, 0, stream, pointers, rule);
}

template <typename T>
__global__ void FillScaledKernel(const ScalerState* scaler, double weight, T* to) {
  *to = cuda::Round<T>(static_cast<ComputeType<T>>(weight * scaler->scale));
}

void FillScaled(const View& scaler, double weight, const View& to) {
  const cudaStream_t stream = cuda::Use(to.device());
  DispatchFloating(to.dtype(), "LossScaler", [&]<typename T>(T) {
    cuda::Launch(FillScaledKernel<T>, 1, 1, 0, stream, ScalerOf(scaler), weight, to.data<T>());
  });
}

CONVOY_REGISTER_KERNEL(prepare_step, kCuda, PrepareStep);
CONVOY_REGISTER_KERNEL(fill_scaled, kCuda, FillScaled);

}  // namespace
}  // namespace convoy
