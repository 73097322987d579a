// How every rule walks a bucket on a GPU: one launch, 16-byte accesses, hyper-parameters by
// segment.
#pragma once

#include "core/cuda/kernel.h"
#include "core/cuda/launch.h"
#include "core/cuda/stream.h"
#include "optim/update_kernels.h"

namespace convoy::cuda {

inline constexpr int kUpdateThreads = 256;
// What a thread derives from the control and its segment, in f64, pays for so many accesses.
inline constexpr int kUpdatePacks = 4;

/// An UpdateBucket's memory.
template <typename T>
struct BucketPointers {
  using C = ComputeType<T>;

  explicit BucketPointers(const UpdateBucket& bucket)
      : values(bucket.values.data<T>()),
        gradients(bucket.gradients.data<T>()),
        numel(bucket.values.numel()),
        segments(bucket.SegmentData()),
        num_segments(bucket.segments.dim(0)),
        control(ControlOf(bucket.control)) {
    if (bucket.master.defined()) master = bucket.master.data<C>();
    for (int s = 0; s < UpdateBucket::kMaxStates; ++s) {
      const View& state = bucket.states[static_cast<size_t>(s)];
      if (state.defined()) states[s] = state.data<C>();
    }
  }

  T* values;
  const T* gradients;
  C* master = nullptr;
  C* states[UpdateBucket::kMaxStates] = {};
  int64_t numel;
  const UpdateSegment* segments;
  int64_t num_segments;
  const StepControl* control;
};

#if defined(CONVOY_SIM) || defined(__CUDACC__)

// Multiplications and additions are kept apart, as on the CPU: memory sets the pace anyway, and a
// GPU then takes the same step to the last bit.
__device__ __forceinline__ float Mul(float a, float b) {
#if defined(__CUDA_ARCH__)
  return __fmul_rn(a, b);
#else
  return a * b;
#endif
}
__device__ __forceinline__ double Mul(double a, double b) {
#if defined(__CUDA_ARCH__)
  return __dmul_rn(a, b);
#else
  return a * b;
#endif
}
template <typename C>
__device__ __forceinline__ C MulThenAdd(C a, C b, C c) {
  return Mul(a, b) + c;
}

/// The index of the segment that holds element `i`.
__device__ inline int64_t SegmentAt(const UpdateSegment* segments, int64_t count, int64_t i) {
  const double at = static_cast<double>(i);
  int64_t first = 0, last = count;
  while (last - first > 1) {
    const int64_t middle = first + (last - first) / 2;
    if (segments[middle].begin <= at) {
      first = middle;
    } else {
      last = middle;
    }
  }
  return first;
}

/// Updates N elements from `i` on. 16-bit values count through their masters, except where a master
/// no longer rounds to the value: somebody else has written to it.
template <int N, typename T, class Rule>
__device__ __forceinline__ void UpdatePack(const BucketPointers<T>& bucket, const Rule& rule,
                                           int64_t i) {
  using C = ComputeType<T>;
  constexpr bool kMaster = !std::is_same_v<T, C>;
  Pack<T, N> values = LoadPack<N>(bucket.values + i);
  const Pack<T, N> gradients = LoadPack<N>(bucket.gradients + i);
  Pack<C, N> masters;
  if constexpr (kMaster) masters = LoadPack<N>(bucket.master + i);
  Pack<C, N> states[Rule::kStates > 0 ? Rule::kStates : 1];
  for (int s = 0; s < Rule::kStates; ++s) states[s] = LoadPack<N>(bucket.states[s] + i);

  for (int k = 0; k < N; ++k) {
    C p = Widen(values[k]);
    if constexpr (kMaster) p = Widen(Round<T>(masters[k])) == p ? masters[k] : p;
    C state[Rule::kStates > 0 ? Rule::kStates : 1];
    for (int s = 0; s < Rule::kStates; ++s) state[s] = states[s][k];
    p = rule(p, Widen(gradients[k]), state);
    for (int s = 0; s < Rule::kStates; ++s) states[s][k] = state[s];
    if constexpr (kMaster) masters[k] = p;
    values[k] = Round<T>(p);
  }

  StorePack(bucket.values + i, values);
  if constexpr (kMaster) StorePack(bucket.master + i, masters);
  for (int s = 0; s < Rule::kStates; ++s) StorePack(bucket.states[s] + i, states[s]);
}

/// Rule::Step<C> is made from (Options, control, segment), has kStates buffers, and maps
/// (value, gradient, state[]) to the new value; in padding, zeros to zero.
template <typename T, class Rule>
__global__ void __launch_bounds__(kUpdateThreads)
    UpdateKernel(BucketPointers<T> bucket, typename Rule::Options options) {
  constexpr int kN = kPackElements<T>;  // divides a segment's ends
  constexpr int64_t kStride = kUpdateThreads * kN;
  if (bucket.control->skip != 0) return;
  const int64_t first = int64_t{blockIdx.x} * kStride * kUpdatePacks;
  const int64_t last =
      first + kStride * kUpdatePacks < bucket.numel ? first + kStride * kUpdatePacks : bucket.numel;
  int64_t i = first + int64_t{threadIdx.x} * kN;
  if (i >= last) return;
  int64_t s = SegmentAt(bucket.segments, bucket.num_segments, i);
  while (i < last) {
    const UpdateSegment segment = bucket.segments[s];
    const typename Rule::template Step<ComputeType<T>> step(options, *bucket.control, segment);
    const int64_t end = static_cast<int64_t>(segment.end);
    for (; i < last && i < end; i += kStride) UpdatePack<kN>(bucket, step, i);
    while (s + 1 < bucket.num_segments && static_cast<int64_t>(bucket.segments[s].end) <= i) ++s;
  }
}

template <typename T, class Rule>
void LaunchUpdate(const UpdateBucket& bucket, const typename Rule::Options& options) {
  const cudaStream_t stream = Use(bucket.values.device());
  const int64_t per_thread = kPackElements<T> * kUpdatePacks;
  Launch(UpdateKernel<T, Rule>, BlocksFor(bucket.values.numel(), kUpdateThreads, per_thread),
         kUpdateThreads, 0, stream, BucketPointers<T>(bucket), options);
}

#endif

}  // namespace convoy::cuda
