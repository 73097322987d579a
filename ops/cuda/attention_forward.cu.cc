// Attention's forward: a block has a tile of queries, and goes over tiles of keys with a running
// softmax.
#include <limits>
#include <numbers>

#include "core/cuda/launch.h"
#include "core/cuda/stream.h"
#include "ops/cuda/attention_tiled.h"
#include "ops/cuda/attention_tiles.h"

namespace convoy::cuda {
namespace {

template <typename T, int kMaxDim, int R, typename C = ComputeType<T>>
__global__ void __launch_bounds__(kAttentionThreads)
    ForwardKernel(AttentionSizes sizes, AttentionView<const T> q, AttentionView<const T> k,
                  AttentionView<const T> v, C scale, AttentionView<T> out, C* kept,
                  int64_t kept_step) {
  using Tiles = AttentionTiles<C, kMaxDim>;
  constexpr int kRows = kSide * R, kWeightStride = kRows + Tiles::kPack;
  C* queries = DynamicShared<C>();           // (rows, stride)
  C* tile = queries + kRows * sizes.stride;  // keys, then values: (rows, stride)
  C* weights = tile + kRows * sizes.stride;  // (queries, keys)
  const int tx = threadIdx.x % kSide, ty = threadIdx.x / kSide;

  const int64_t tiles = (sizes.queries + kRows - 1) / kRows;
  // The last queries see most keys: they start first.
  const int64_t first = (tiles - 1 - blockIdx.x % tiles) * kRows;
  const int64_t head = blockIdx.x / tiles, b = head / sizes.heads, h = head % sizes.heads;
  const T* k_head = k.Head(b, h, sizes.dim);
  const T* v_head = v.Head(b, h, sizes.dim);
  LoadTile(q, q.Head(b, h, sizes.dim), first, sizes.queries, kRows, sizes, scale, queries);

  C max[R], sum[R], output[R][Tiles::kPacks][Tiles::kPack];
  CONVOY_UNROLL
  for (int i = 0; i < R; ++i) {
    max[i] = std::numeric_limits<C>::lowest();
    sum[i] = C{0};
    CONVOY_UNROLL
    for (int n = 0; n < Tiles::kPacks; ++n) {
      CONVOY_UNROLL
      for (int e = 0; e < Tiles::kPack; ++e) output[i][n][e] = C{0};
    }
  }

  const int64_t end = sizes.causal && first + kRows < sizes.keys ? first + kRows : sizes.keys;
  for (int64_t key = 0; key < end; key += kRows) {
    LoadTile(k, k_head, key, sizes.keys, kRows, sizes, C{1}, tile);
    __syncthreads();
    C scores[R][R];
    Dots(queries, tile, sizes, ty, tx, scores);
    __syncthreads();
    LoadTile(v, v_head, key, sizes.keys, kRows, sizes, C{1}, tile);
    CONVOY_UNROLL
    for (int i = 0; i < R; ++i) {
      const int64_t query = first + ty + kSide * i;
      C top = max[i];
      CONVOY_UNROLL
      for (int j = 0; j < R; ++j) {
        const int64_t at = key + tx + kSide * j;
        if (at >= sizes.keys || (sizes.causal && at > query))
          scores[i][j] = -std::numeric_limits<C>::infinity();
        top = scores[i][j] > top ? scores[i][j] : top;
      }
      for (int lanes = kSide / 2; lanes > 0; lanes /= 2) {
        const C other = __shfl_xor_sync(0xffffffffu, top, lanes);
        top = other > top ? other : top;
      }
      const C rescale = Exp2(max[i] - top);
      max[i] = top;
      sum[i] *= rescale;
      CONVOY_UNROLL
      for (int j = 0; j < R; ++j) {
        const C weight = Exp2(scores[i][j] - top);
        sum[i] += weight;
        weights[(ty + kSide * i) * kWeightStride + tx + kSide * j] = weight;
      }
      CONVOY_UNROLL
      for (int n = 0; n < Tiles::kPacks; ++n) {
        CONVOY_UNROLL
        for (int e = 0; e < Tiles::kPack; ++e) output[i][n][e] *= rescale;
      }
    }
    __syncthreads();
    const int64_t left = sizes.keys - key;
    AddWeighted(weights, 1, kWeightStride, tile, left < kRows ? static_cast<int>(left) : kRows,
                sizes, ty, tx, output);
    __syncthreads();
  }

  CONVOY_UNROLL
  for (int i = 0; i < R; ++i) {
    for (int lanes = kSide / 2; lanes > 0; lanes /= 2)
      sum[i] += __shfl_xor_sync(0xffffffffu, sum[i], lanes);
    const int64_t query = first + ty + kSide * i;
    if (query >= sizes.queries) continue;
    const C inverse = sum[i] == C{0} ? C{0} : C{1} / sum[i];
    WriteVector(output[i], inverse, out.Head(b, h, sizes.dim) + query * out.row_step, false,
                sizes.dim, tx);
    if (tx != 0 || kept == nullptr) continue;
    C* const to = kept + head * sizes.queries + query;
    if constexpr (kKeepsMaximum<T>) {
      to[0] = max[i];
      to[kept_step] = inverse;
    } else {
      to[0] = sum[i] == C{0} ? C{0} : (max[i] + Log2(sum[i])) * std::numbers::ln2_v<C>;
    }
  }
}

}  // namespace

void TiledAttentionForward(const AttentionProblem& p, const AttentionInputs& inputs,
                           const View& out, const View& softmax) {
  const cudaStream_t stream = Use(out.device());
  if (out.numel() == 0) return;
  DispatchFloating(out.dtype(), "Attention", [&]<typename T>(T) {
    using C = ComputeType<T>;
    DispatchDim(p.dim, [&]<int kMaxDim>(std::integral_constant<int, kMaxDim>) {
      constexpr int kTiles = 2, kR = AttentionTiles<C, kMaxDim>::Rows(kTiles);
      constexpr int kPack = kPackElements<C>;
      const int64_t rows = kSide * kR, blocks = (p.queries + rows - 1) / rows * p.heads * p.batch;
      const AttentionSizes sizes = SizesOf<C>(p);
      Launch(ForwardKernel<T, kMaxDim, kR>, static_cast<unsigned>(blocks), kAttentionThreads,
             AttentionTiles<C, kMaxDim>::Bytes(kTiles, kR, sizes.stride), stream, sizes,
             ViewOf<const T>(inputs.q, p.dim, kPack), ViewOf<const T>(inputs.k, p.dim, kPack),
             ViewOf<const T>(inputs.v, p.dim, kPack), static_cast<C>(p.scale * std::numbers::log2e),
             ViewOf<T>({out, 0, p.heads * p.dim, p.queries}, p.dim, kPack),
             softmax.defined() ? softmax.data<C>() : nullptr, p.batch * p.heads * p.queries);
    });
  });
}

}  // namespace convoy::cuda
