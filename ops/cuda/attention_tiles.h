// What Attention's kernels share: tiles of rows in shared memory, and products of tiles whose
// results lie in the registers of 16 x 16 threads.
//
// Thread (ty, tx) has of a product of tiles the rows ty + 16 i and the columns tx + 16 j; of the
// output's or a gradient's columns it has the packs tx + 16 n.
#pragma once

#include "core/cuda/kernel.h"
#include "ops/attention_kernels.h"

namespace convoy::cuda {

inline constexpr int kSide = 16;
inline constexpr int kAttentionThreads = kSide * kSide;
inline constexpr int kMaxAttentionDim = 256;
/// Shared memory that every GPU since sm_80 can give a block.
inline constexpr size_t kSharedBytes = 99 << 10;

/// Sizes of the kernels for elements computed in C and vectors of at most kMaxDim.
template <typename C, int kMaxDim>
struct AttentionTiles {
  static constexpr int kPack = kPackElements<C>;
  static constexpr int kPacks = kMaxDim / (kSide * kPack);  // of a thread, in a row

  /// Bytes of `tiles` tiles of 16 R rows, `stride` elements apart, and one of their products.
  static constexpr size_t Bytes(int tiles, int R, int stride = kMaxDim + kPack) {
    const int rows = kSide * R;
    return static_cast<size_t>(tiles * rows * stride + rows * (rows + kPack)) * sizeof(C);
  }
  /// The largest R that fits.
  static constexpr int Rows(int tiles) {
    return Bytes(tiles, 4) <= kSharedBytes ? 4 : Bytes(tiles, 2) <= kSharedBytes ? 2 : 1;
  }
};

/// One of q, k, v or their gradients, as a kernel sees it (AttentionRows).
template <typename T>
struct AttentionView {
  T* data = nullptr;
  int64_t batch_step = 0;  // elements from b to b + 1
  int64_t row_step = 0;    // elements from t to t + 1
  bool packs = false;      // vectors may be read pack by pack
  bool accumulate = false;

  /// Vector 0 of head h.
  __device__ T* Head(int64_t b, int64_t h, int dim) const {
    return data + b * batch_step + h * dim;
  }
};

/// Whether the forward keeps each query's maximum and the inverse of its sum of exponentials,
/// apart. For 16-bit types it keeps the logarithm of that sum to base e, as cuDNN does: a forward
/// of one may be followed by a backward of the other.
template <typename T>
inline constexpr bool kKeepsMaximum = sizeof(T) > 2;

struct AttentionSizes {
  int64_t heads, queries, keys;
  int dim;
  int stride;  // of a tile's rows, in elements
  bool causal;
};

#if defined(CONVOY_SIM) || defined(__CUDACC__)
__device__ __forceinline__ float Exp2(float x) { return exp2f(x); }
__device__ __forceinline__ double Exp2(double x) { return exp2(x); }
__device__ __forceinline__ float Log2(float x) { return log2f(x); }
__device__ __forceinline__ double Log2(double x) { return log2(x); }

/// tile (rows, stride) = factor * vectors [first, first + rows) of a head; 0 beyond `count` and
/// dim.
template <typename T, typename C>
__device__ __forceinline__ void LoadTile(const AttentionView<const T>& view, const T* head,
                                         int64_t first, int64_t count, int rows,
                                         const AttentionSizes& sizes, C factor, C* tile) {
  constexpr int kPack = kPackElements<C>;
  const int packs = (sizes.dim + kPack - 1) / kPack;
  for (int i = threadIdx.x; i < rows * packs; i += kAttentionThreads) {
    const int row = i / packs, column = i % packs * kPack;
    const T* from = head + (first + row) * view.row_step + column;
    Pack<C, kPack> values;
    if (first + row >= count) {
      CONVOY_UNROLL
      for (int v = 0; v < kPack; ++v) values[v] = C{0};
    } else if (view.packs) {
      const Pack<T, kPack> pack = LoadPack<kPack>(from);
      CONVOY_UNROLL
      for (int v = 0; v < kPack; ++v) values[v] = factor * Widen(pack[v]);
    } else {
      CONVOY_UNROLL
      for (int v = 0; v < kPack; ++v)
        values[v] = column + v < sizes.dim ? factor * Widen(from[v]) : C{0};
    }
    StorePack(tile + row * sizes.stride + column, values);
  }
}

/// products[i][j] = row ty + 16 i of `a` times row tx + 16 j of `b`.
template <int R, typename C>
__device__ __forceinline__ void Dots(const C* a, const C* b, const AttentionSizes& sizes, int ty,
                                     int tx, C (&products)[R][R]) {
  constexpr int kPack = kPackElements<C>;
  CONVOY_UNROLL
  for (int i = 0; i < R; ++i) {
    CONVOY_UNROLL
    for (int j = 0; j < R; ++j) products[i][j] = C{0};
  }
  for (int d = 0; d < sizes.dim; d += kPack) {
    Pack<C, kPack> left[R], right[R];
    CONVOY_UNROLL
    for (int i = 0; i < R; ++i) {
      left[i] = LoadPack<kPack>(a + (ty + kSide * i) * sizes.stride + d);
      right[i] = LoadPack<kPack>(b + (tx + kSide * i) * sizes.stride + d);
    }
    CONVOY_UNROLL
    for (int i = 0; i < R; ++i) {
      CONVOY_UNROLL
      for (int j = 0; j < R; ++j) {
        CONVOY_UNROLL
        for (int v = 0; v < kPack; ++v) products[i][j] += left[i][v] * right[j][v];
      }
    }
  }
}

/// sums[i] += the rows [0, count) of `tile`, each times weights[row * row_step + (ty + 16 i) *
/// column_step]; of the packs that the thread has.
template <int R, int kPacks, typename C>
__device__ __forceinline__ void AddWeighted(const C* weights, int row_step, int column_step,
                                            const C* tile, int count, const AttentionSizes& sizes,
                                            int ty, int tx,
                                            C (&sums)[R][kPacks][kPackElements<C>]) {
  constexpr int kPack = kPackElements<C>;
  for (int row = 0; row < count; ++row) {
    C weight[R];
    CONVOY_UNROLL
    for (int i = 0; i < R; ++i)
      weight[i] = weights[row * row_step + (ty + kSide * i) * column_step];
    CONVOY_UNROLL
    for (int n = 0; n < kPacks; ++n) {
      const int column = (n * kSide + tx) * kPack;
      if (column >= sizes.dim) continue;
      const Pack<C, kPack> values = LoadPack<kPack>(tile + row * sizes.stride + column);
      CONVOY_UNROLL
      for (int i = 0; i < R; ++i) {
        CONVOY_UNROLL
        for (int v = 0; v < kPack; ++v) sums[i][n][v] += weight[i] * values[v];
      }
    }
  }
}

/// One vector of the output or a gradient: the thread's packs of it, times `factor`.
template <int kPacks, typename T, typename C>
__device__ __forceinline__ void WriteVector(const C (&sums)[kPacks][kPackElements<C>], C factor,
                                            T* to, bool accumulate, int dim, int tx) {
  constexpr int kPack = kPackElements<C>;
  CONVOY_UNROLL
  for (int n = 0; n < kPacks; ++n) {
    CONVOY_UNROLL
    for (int v = 0; v < kPack; ++v) {
      const int column = (n * kSide + tx) * kPack + v;
      if (column >= dim) continue;
      const C value = sums[n][v] * factor;
      to[column] = Round<T>(accumulate ? Widen(to[column]) + value : value);
    }
  }
}
#endif

/// The view of rows for a kernel that computes in packs of `pack` elements.
template <typename T, typename U = std::remove_const_t<T>>
AttentionView<T> ViewOf(const AttentionRows& rows, int64_t dim, int pack) {
  if (!rows.tensor.defined()) return {};
  AttentionView<T> view{.data = rows.tensor.data<U>() + rows.offset,
                        .batch_step = rows.steps * rows.stride,
                        .row_step = rows.stride,
                        .accumulate = rows.accumulate};
  view.packs =
      dim % pack == 0 && view.row_step % pack == 0 && view.batch_step % pack == 0 &&
      reinterpret_cast<uintptr_t>(view.data) % (sizeof(T) * static_cast<size_t>(pack)) == 0;
  return view;
}

/// The sizes for a kernel, with tiles' rows apart by one pack more than they hold, so that columns
/// of a tile lie in different banks.
template <typename C>
AttentionSizes SizesOf(const AttentionProblem& p) {
  constexpr int kPack = kPackElements<C>;
  const int dim = static_cast<int>(p.dim);
  return {p.heads, p.queries, p.keys, dim, (dim + kPack - 1) / kPack * kPack + kPack, p.causal};
}

/// Calls f(std::integral_constant<int, kMaxDim>) with the smallest kMaxDim that holds `dim`.
/// Throws: Error if there is none.
template <typename F>
void DispatchDim(int64_t dim, F&& f) {
  if (dim <= 64) return f(std::integral_constant<int, 64>{});
  if (dim <= 128) return f(std::integral_constant<int, 128>{});
  if (dim <= kMaxAttentionDim) return f(std::integral_constant<int, kMaxAttentionDim>{});
  Fail("[Attention] heads on a GPU have {} dimensions at most, got {}", kMaxAttentionDim, dim);
}

}  // namespace convoy::cuda
