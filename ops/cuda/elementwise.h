// Element-wise kernels: out[i] (+)= f(a[i], b[i], ...), the operands whole, broadcast or constant.
//
// A thread computes one pack, as many elements as make a 16-byte access of the widest type. Where
// addresses or rows do not allow packs, it computes the same number of elements one by one (so that
// as many bytes are under way), neighbours in neighbouring threads, or just one if operands
// stretch. All of them are read before the first is written: `out` may be an operand.
#pragma once

#include <algorithm>
#include <array>
#include <utility>

#include "core/cuda/kernel.h"
#include "core/cuda/launch.h"
#include "core/cuda/stream.h"
#include "core/view.h"
#include "ops/cuda/map_plan.h"

namespace convoy::cuda {

inline constexpr int kMapThreads = 256;

/// Elements that a thread computes.
template <typename... T>
inline constexpr int kMapElements = 16 / static_cast<int>(std::max({sizeof(T)...}));

/// One operand: memory, or a constant if `data` is null.
template <typename T>
struct MapSource {
  const T* data = nullptr;
  ComputeType<T> constant{};
  bool one = false;  ///< in a flat map: every element is the first one
};

/// The elements of the output that a thread computes: first, first + step, ... while below n.
struct MapSpan {
  int64_t first, step, n;
  bool packs;  ///< they are one pack, and all there

  template <int N>
  static __device__ __forceinline__ MapSpan OfThread(int64_t n, bool packs) {
    const int64_t thread = threadIdx.x;
    const int64_t block = int64_t{blockIdx.x} * kMapThreads * N;
    const int64_t first = packs ? block + thread * N : block + thread;
    return {first, packs ? 1 : kMapThreads, n, packs && first + N <= n};
  }
};

template <typename T, int N>
struct MapValues {
  ComputeType<T> values[N];
};

/// The operand's elements where it has the output's order, is constant, or has one element.
template <int N, typename T>
__device__ __forceinline__ MapValues<T, N> LoadFlat(const MapSource<T>& source,
                                                    const MapSpan& span) {
  MapValues<T, N> to;
  if (source.data == nullptr || source.one) {
    const ComputeType<T> value = source.data == nullptr ? source.constant : Widen(*source.data);
    for (int k = 0; k < N; ++k) to.values[k] = value;
  } else if (span.packs) {
    const Pack<T, N> pack = LoadPack<N>(source.data + span.first);
    for (int k = 0; k < N; ++k) to.values[k] = Widen(pack[k]);
  } else {
    for (int k = 0; k < N; ++k) {
      const int64_t i = span.first + k * span.step;
      to.values[k] = i < span.n ? Widen(source.data[i]) : ComputeType<T>{};
    }
  }
  return to;
}

/// Where element i of the output lies in operand `operand`.
__device__ __forceinline__ int64_t MapOffset(const MapLayout& layout, int operand, int64_t i) {
  int64_t offset = 0;
  CONVOY_UNROLL
  for (int d = 0; d < Shape::kMaxDims; ++d) {  // unrolled: no indexing of parameters at run time
    if (d + 1 >= layout.ndim) {
      offset += i * layout.strides[operand][d];
      break;
    }
    const int64_t quotient = layout.extents[d].Quotient(i);
    offset += (i - quotient * layout.extents[d].divisor()) * layout.strides[operand][d];
    i = quotient;
  }
  return offset;
}

/// The same for N neighbours within a row where the operand may stretch in any dimension.
template <int N, typename T>
__device__ __forceinline__ MapValues<T, N> LoadStretched(const MapSource<T>& source,
                                                         const MapLayout& layout, int operand,
                                                         int64_t first) {
  MapValues<T, N> to;
  if (source.data == nullptr) {
    for (int k = 0; k < N; ++k) to.values[k] = source.constant;
    return to;
  }
  const T* from = source.data + MapOffset(layout, operand, first);
  if (layout.strides[operand][0] == 0) {
    const ComputeType<T> value = Widen(*from);
    for (int k = 0; k < N; ++k) to.values[k] = value;
  } else {
    const Pack<T, N> pack = LoadPack<N>(from);
    for (int k = 0; k < N; ++k) to.values[k] = Widen(pack[k]);
  }
  return to;
}

/// out[i] (+)= f(in[i]...).
template <int N, class F, typename Out, typename... In>
__device__ __forceinline__ void MapStore(const F& f, Out* out, bool accumulate, const MapSpan& span,
                                         const MapValues<In, N>&... in) {
  MapValues<Out, N> result;
  for (int k = 0; k < N; ++k) result.values[k] = f(in.values[k]...);
  if (accumulate) {
    if constexpr (std::is_floating_point_v<ComputeType<Out>>) {
      const MapValues<Out, N> old = LoadFlat<N>(MapSource<Out>{out, {}, false}, span);
      for (int k = 0; k < N; ++k) result.values[k] = old.values[k] + result.values[k];
    }
  }
  if (span.packs) {
    Pack<Out, N> pack;
    for (int k = 0; k < N; ++k) pack[k] = Round<Out>(result.values[k]);
    StorePack(out + span.first, pack);
  } else {
    for (int k = 0; k < N; ++k) {
      const int64_t i = span.first + k * span.step;
      if (i < span.n) out[i] = Round<Out>(result.values[k]);
    }
  }
}

template <class F, typename Out, typename... In>
__global__ void __launch_bounds__(kMapThreads)
    MapFlatKernel(F f, Out* out, int64_t n, bool packs, bool accumulate, MapSource<In>... in) {
  constexpr int N = kMapElements<Out, In...>;
  const MapSpan span = MapSpan::OfThread<N>(n, packs);
  if (span.first >= n) return;
  MapStore<N, F, Out, In...>(f, out, accumulate, span, LoadFlat<N>(in, span)...);
}

template <int N, class F, typename Out, size_t... I, typename... In>
__device__ __forceinline__ void MapStretched(std::index_sequence<I...>, const F& f, Out* out,
                                             int64_t n, const MapLayout& layout, bool accumulate,
                                             const MapSource<In>&... in) {
  const int64_t first = (int64_t{blockIdx.x} * kMapThreads + threadIdx.x) * N;
  if (first >= n) return;
  MapStore<N, F, Out, In...>(f, out, accumulate, {first, 1, n, true},
                             LoadStretched<N>(in, layout, static_cast<int>(I), first)...);
}

// A thread computes one element, or a pack.
template <class F, typename Out, typename... In>
__global__ void __launch_bounds__(kMapThreads)
    MapStretchedKernel(F f, Out* out, int64_t n, bool packs, bool accumulate, MapLayout layout,
                       MapSource<In>... in) {
  constexpr std::index_sequence_for<In...> kIndices;
  if (packs) {
    MapStretched<kMapElements<Out, In...>>(kIndices, f, out, n, layout, accumulate, in...);
  } else {
    MapStretched<1>(kIndices, f, out, n, layout, accumulate, in...);
  }
}

template <typename T>
MapSource<T> MakeMapSource(const Operand& operand, bool one) {
  if (operand.is_constant()) return {nullptr, static_cast<ComputeType<T>>(operand.constant), false};
  return {operand.tensor.data<T>(), {}, one};
}

/// The sources of all operands, handed to `f`.
template <typename... In, class F>
void WithMapSources(const std::array<Operand, sizeof...(In)>& operands, const MapPlan& plan,
                    F&& f) {
  [&]<size_t... I>(std::index_sequence<I...>) { f(MakeMapSource<In>(operands[I], plan.one[I])...); }
  (std::index_sequence_for<In...>());
}

/// out (+)= f(operands...), with operands of the output's shape or one element, or constants.
/// Element types are Out and In; F is called on the device with ComputeType<In>... and returns
/// ComputeType<Out>. `out` may be the memory of full-size operands.
template <typename Out, typename... In, class F>
void MapFlat(const F& f, const GradTarget& out,
             const std::array<Operand, sizeof...(In)>& operands) {
  constexpr int N = kMapElements<Out, In...>;
  const int64_t n = out.tensor.numel();
  const cudaStream_t stream = Use(out.tensor.device());
  if (n == 0) return;
  const MapPlan plan = PlanMap(out.tensor, operands, N);
  WithMapSources<In...>(operands, plan, [&](const auto&... sources) {
    Launch(MapFlatKernel<F, Out, In...>, BlocksFor(n, kMapThreads, N), kMapThreads, 0, stream, f,
           out.tensor.data<Out>(), n, plan.packs, out.accumulate, sources...);
  });
}

/// The same with operands that stretch in any dimension. `stretched` computes what `f` does: many
/// functions may share one kernel, which is worth it where stretched operands are rare.
template <typename Out, typename... In, class F, class Stretched>
void Map(const F& f, const Stretched& stretched, const GradTarget& out,
         const std::array<Operand, sizeof...(In)>& operands) {
  constexpr int N = kMapElements<Out, In...>;
  const int64_t n = out.tensor.numel();
  if (n == 0) return;
  const MapPlan plan = PlanMap(out.tensor, operands, N);
  if (plan.flat) return MapFlat<Out, In...>(f, out, operands);
  const cudaStream_t stream = Use(out.tensor.device());
  WithMapSources<In...>(operands, plan, [&](const auto&... sources) {
    const unsigned grid = BlocksFor(n, kMapThreads, plan.packs ? N : 1);
    Launch(MapStretchedKernel<Stretched, Out, In...>, grid, kMapThreads, 0, stream, stretched,
           out.tensor.data<Out>(), n, plan.packs, out.accumulate, plan.layout, sources...);
  });
}

}  // namespace convoy::cuda
