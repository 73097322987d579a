// Reductions down the columns of matrices, in an order that depends on sizes only.
//
// A block takes some packs of neighbouring columns (`lanes`) and a chunk of rows. Its threads form
// groups of `lanes`; group g takes rows g, g + groups, ..., several at a time so that enough reads
// are under way, and the groups' results are combined pairwise in shared memory.
#pragma once

#include <cstdint>

#include "core/cuda/kernel.h"
#include "core/cuda/launch.h"

namespace convoy::cuda {

inline constexpr int kColumnThreads = 256;

/// How `matrices` of (rows, columns) are cut into blocks.
struct ColumnTiles {
  int64_t matrices, rows, columns;
  int pack;            ///< columns of a thread
  bool packs;          ///< they are neighbours, read and written as one
  int lanes = 1;       ///< threads side by side; a power of two, at most 32
  int64_t tiles = 0;   ///< blocks side by side
  int64_t chunk = 1;   ///< rows of a block
  int64_t chunks = 0;  ///< blocks below each other; one at least, unless told otherwise

  /// One chunk.
  ColumnTiles(int64_t matrices, int64_t rows, int64_t columns, int pack, bool packs, int max_lanes)
      : matrices(matrices), rows(rows), columns(columns), pack(pack), packs(packs) {
    const int64_t threads = (columns + pack - 1) / pack;
    while (lanes < max_lanes && lanes < threads) lanes *= 2;
    tiles = (threads + lanes - 1) / lanes;
    chunk = rows > 0 ? rows : 1;
    chunks = 1;
  }

  /// As many chunks as give the device enough to do; rows enough for each thread in them.
  static ColumnTiles InChunks(int64_t matrices, int64_t rows, int64_t columns, int pack,
                              bool packs) {
    constexpr int64_t kBlocks = 512, kRowsOfThread = 4;
    ColumnTiles t(matrices, rows, columns, pack, packs, kWarp);
    const int64_t blocks = t.matrices * t.tiles > 0 ? t.matrices * t.tiles : 1;
    const int64_t wanted = blocks < kBlocks ? kBlocks / blocks : 1;
    const int64_t least = kRowsOfThread * kColumnThreads / t.lanes;
    t.chunk = (rows + wanted - 1) / wanted;
    if (t.chunk < least) t.chunk = least;
    t.chunks = rows > t.chunk ? (rows + t.chunk - 1) / t.chunk : 1;
    return t;
  }

  unsigned blocks() const { return static_cast<unsigned>(matrices * chunks * tiles); }
};

#if defined(CONVOY_SIM) || defined(__CUDACC__)
/// The columns of one thread: first, first + step, ... while below `columns`.
struct ColumnSpan {
  int64_t first, step, columns;
  bool packs;
};

template <int N, typename T>
__device__ __forceinline__ Pack<T, N> LoadColumns(const T* row, const ColumnSpan& span) {
  if (span.packs) return LoadPack<N>(row + span.first);
  Pack<T, N> pack;
  for (int k = 0; k < N; ++k) {
    const int64_t column = span.first + k * span.step;
    pack[k] = column < span.columns ? row[column] : T{};
  }
  return pack;
}

template <int N, typename T>
__device__ __forceinline__ void StoreColumns(T* row, const ColumnSpan& span,
                                             const Pack<T, N>& pack) {
  if (span.packs) return StorePack(row + span.first, pack);
  for (int k = 0; k < N; ++k) {
    const int64_t column = span.first + k * span.step;
    if (column < span.columns) row[column] = pack[k];
  }
}

struct SumReduction {
  template <typename C>
  static __device__ __forceinline__ C Identity() {
    return C{0};
  }
  template <typename C>
  static __device__ __forceinline__ C Combine(C a, C b) {
    return a + b;
  }
};

/// A NaN on either side stays.
struct MaxReduction {
  template <typename C>
  static __device__ __forceinline__ C Identity() {
    return -static_cast<C>(INFINITY);
  }
  template <typename C>
  static __device__ __forceinline__ C Combine(C a, C b) {
    return b > a || b != b ? b : a;
  }
};

/// Source: `Raw Read(row, span)` fetches, `Use(raw, row, span, values)` makes N numbers of type C
/// of it; rows count through all matrices. Sink: `Write(result row, span, values)`, of which there
/// are matrices * chunks. Shared memory: kColumnThreads * N of C.
template <class R, int N, typename C, class Source, class Sink>
__global__ void __launch_bounds__(kColumnThreads)
    ReduceColumnsKernel(ColumnTiles t, Source source, Sink sink) {
  constexpr int kAtOnce = Source::kAtOnce;
  const int lane = static_cast<int>(threadIdx.x) & (t.lanes - 1);
  const int group = static_cast<int>(threadIdx.x) / t.lanes, groups = kColumnThreads / t.lanes;
  const int64_t tile = blockIdx.x % static_cast<unsigned>(t.tiles);
  const int64_t piece = blockIdx.x / static_cast<unsigned>(t.tiles);  // (matrices, chunks)
  const int64_t matrix = piece / t.chunks, chunk = piece % t.chunks;
  const ColumnSpan span = {t.packs ? (tile * t.lanes + lane) * N : tile * t.lanes * N + lane,
                           t.packs ? 1 : t.lanes, t.columns, t.packs};
  C result[N];
  for (int k = 0; k < N; ++k) result[k] = R::template Identity<C>();
  if (span.first < t.columns) {
    const auto use = [&](const auto& raw, int64_t row, C(&sums)[N]) {
      C values[N];
      source.Use(raw, row, span, values);
      for (int k = 0; k < N; ++k) sums[k] = R::Combine(sums[k], values[k]);
    };
    const int64_t begin = chunk * t.chunk;
    const int64_t end = begin + t.chunk < t.rows ? begin + t.chunk : t.rows;
    const int64_t base = matrix * t.rows;
    int64_t row = begin + group;
    for (; row + (kAtOnce - 1) * groups < end; row += kAtOnce * groups) {
      typename Source::Raw raw[kAtOnce];
      CONVOY_UNROLL
      for (int i = 0; i < kAtOnce; ++i) raw[i] = source.Read(base + row + i * groups, span);
      C block[N];  // combined apart: fewer roundings in a row
      source.Use(raw[0], base + row, span, block);
      CONVOY_UNROLL
      for (int i = 1; i < kAtOnce; ++i) use(raw[i], base + row + i * groups, block);
      for (int k = 0; k < N; ++k) result[k] = R::Combine(result[k], block[k]);
    }
    for (; row < end; row += groups) use(source.Read(base + row, span), base + row, result);
  }
  C* shared = DynamicShared<C>() + threadIdx.x;
  for (int half = groups / 2; half > 0; half /= 2) {
    for (int k = 0; k < N; ++k) shared[k * kColumnThreads] = result[k];
    __syncthreads();
    if (group < half) {
      for (int k = 0; k < N; ++k) {
        result[k] = R::Combine(result[k], shared[k * kColumnThreads + half * t.lanes]);
      }
    }
    __syncthreads();
  }
  if (group == 0 && span.first < t.columns) sink.Write(piece, span, result);
}

template <class R, int N, typename C, class Source, class Sink>
void ReduceColumns(const ColumnTiles& tiles, const Source& source, const Sink& sink,
                   cudaStream_t stream) {
  Launch(ReduceColumnsKernel<R, N, C, Source, Sink>, tiles.blocks(), kColumnThreads,
         kColumnThreads * N * sizeof(C), stream, tiles, source, sink);
}

/// A matrix as it is.
template <typename T, int N>
struct PlainColumns {
  static constexpr int kAtOnce = 4;
  using C = ComputeType<T>;
  using Raw = Pack<T, N>;
  const T* data;
  int64_t columns;

  __device__ __forceinline__ Raw Read(int64_t row, const ColumnSpan& span) const {
    return LoadColumns<N>(data + row * columns, span);
  }
  __device__ __forceinline__ void Use(const Raw& raw, int64_t, const ColumnSpan&,
                                      C (&values)[N]) const {
    for (int k = 0; k < N; ++k) values[k] = Widen(raw[k]);
  }
};

/// data (+)= the result / divisor; T is what C is rounded to.
template <typename T, typename C, int N>
struct StoreResult {
  T* data;
  int64_t columns;
  C divisor = 1;
  bool accumulate = false;

  __device__ __forceinline__ void Write(int64_t row, const ColumnSpan& span,
                                        const C (&values)[N]) const {
    T* to = data + row * columns;
    Pack<T, N> pack;
    if (accumulate) pack = LoadColumns<N>(static_cast<const T*>(to), span);
    for (int k = 0; k < N; ++k) {
      const C value = values[k] / divisor;
      pack[k] = Round<T>(accumulate ? Widen(pack[k]) + value : value);
    }
    StoreColumns(to, span, pack);
  }
};
#endif

}  // namespace convoy::cuda
