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
  const GradientSpan* spans;
  int64_t num_spans;
  const int64_t* entries;
  int64_t num_entries;
};

__device__ bool IsFiniteAt(const GradientSpan& span, int64_t i) {
  switch (static_cast<DType>(span.dtype)) {
    case DType::kF32:
      return IsFiniteElement(reinterpret_cast<const float*>(span.address)[i]);
    case DType::kBF16:
      return IsFiniteElement(reinterpret_cast<const BFloat16*>(span.address)[i]);
    case DType::kF16:
      return IsFiniteElement(reinterpret_cast<const Float16*>(span.address)[i]);
    default:
      return IsFiniteElement(reinterpret_cast<const double*>(span.address)[i]);
  }
}

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

// Two sums name the same chunk, and two threads the same element, whatever their order.
__device__ int64_t BadParameter(const PreparePointers& p) {
  const int64_t part =
      FirstInBlock(0, p.num_parts, [&](int64_t i) { return !IsFiniteElement(p.parts[i]); });
  if (part == p.num_parts) return -1;
  int64_t s = p.num_spans - 1;
  while (p.spans[s].first_part > part) --s;
  const GradientSpan span = p.spans[s];
  const int64_t begin = (part - span.first_part) * kNormChunk;
  const int64_t end = begin + kNormChunk < span.numel ? begin + kNormChunk : span.numel;
  const int64_t i = FirstInBlock(begin, end, [&](int64_t at) { return !IsFiniteAt(span, at); });
  if (i == end) return -1;
  const int64_t last_entry = s + 1 < p.num_spans ? p.spans[s + 1].first_entry : p.num_entries;
  return EntryAt(p.entries, span.first_entry, last_entry, i);
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
  const PreparePointers pointers = {
      .control = ControlOf(buffers.control),
      .counters = CountersOf(buffers.counters),
      .scaler = ScalerOf(scaler),
      .parts = buffers.parts.data<double>(),
      .num_parts = buffers.parts.numel(),
      .spans = reinterpret_cast<const GradientSpan*>(buffers.spans.data<int64_t>()),
      .num_spans = buffers.spans.dim(0),
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
