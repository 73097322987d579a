// Attention's backward: the weights are computed again from the scores and what the forward has
// kept of each softmax. In one kernel each block has a tile of keys and goes over the queries, for
// dk and dv; in the other it has a tile of queries and goes over the keys, for dq.
#include <numbers>

#include "core/cuda/launch.h"
#include "core/cuda/stream.h"
#include "core/workspace.h"
#include "ops/cuda/attention_tiled.h"
#include "ops/cuda/attention_tiles.h"

namespace convoy::cuda {
namespace {

// delta (B, H, Tq): the sum of dout * out of each query, one warp each.
template <typename T, typename C = ComputeType<T>>
__global__ void DeltaKernel(AttentionSizes sizes, int64_t rows, const T* out, const T* dout,
                            C* delta) {
  const int64_t row = (int64_t{blockIdx.x} * kAttentionThreads + threadIdx.x) / kWarp;  // (b, t, h)
  const int lane = threadIdx.x % kWarp;
  if (row >= rows) return;
  C sum{0};
  for (int d = lane; d < sizes.dim; d += kWarp)
    sum += Widen(out[row * sizes.dim + d]) * Widen(dout[row * sizes.dim + d]);
  sum = WarpSum(sum);
  const int64_t h = row % sizes.heads, t = row / sizes.heads % sizes.queries;
  const int64_t b = row / sizes.heads / sizes.queries;
  if (lane == 0) delta[(b * sizes.heads + h) * sizes.queries + t] = sum;
}

template <typename T, typename C>
struct Inputs {
  AttentionSizes sizes;
  AttentionView<const T> q, k, v, dout;
  const C* kept;      // kKeepsMaximum: each query's max and, kept_step further on, 1 / sum; or lse
  int64_t kept_step;  // B * H * Tq
  const C* delta;
  C scale;  // times log2(e)
};

/// Of one head, weights[i][j] and score gradients of queries ty + 16 i and keys tx + 16 j.
template <int R, typename T, typename C>
__device__ __forceinline__ void Weigh(const Inputs<T, C>& in, int64_t head, int64_t first_query,
                                      int64_t first_key, int ty, int tx, C (&weights)[R][R],
                                      C (&gradients)[R][R]) {
  CONVOY_UNROLL
  for (int i = 0; i < R; ++i) {
    const int64_t query = first_query + ty + kSide * i;
    const bool inside = query < in.sizes.queries;
    const int64_t at = head * in.sizes.queries + query;
    C shift{0}, factor{1};
    if (inside) {
      shift = kKeepsMaximum<T> ? in.kept[at] : in.kept[at] * std::numbers::log2e_v<C>;
      if (kKeepsMaximum<T>) factor = in.kept[in.kept_step + at];
    }
    const C delta = inside ? in.delta[at] : C{0};
    CONVOY_UNROLL
    for (int j = 0; j < R; ++j) {
      const int64_t key = first_key + tx + kSide * j;
      const bool seen = inside && key < in.sizes.keys && (!in.sizes.causal || key <= query);
      weights[i][j] = seen ? Exp2(weights[i][j] - shift) * factor : C{0};
      gradients[i][j] = weights[i][j] * (gradients[i][j] - delta);
    }
  }
}

/// tile (queries, stride) = values.
template <int R, typename C>
__device__ __forceinline__ void Share(const C (&values)[R][R], int stride, int ty, int tx,
                                      C* tile) {
  CONVOY_UNROLL
  for (int i = 0; i < R; ++i) {
    CONVOY_UNROLL
    for (int j = 0; j < R; ++j) tile[(ty + kSide * i) * stride + tx + kSide * j] = values[i][j];
  }
}

template <typename T, int kMaxDim, int R, typename C = ComputeType<T>>
__global__ void __launch_bounds__(kAttentionThreads)
    KeyKernel(Inputs<T, C> in, AttentionView<T> dk, AttentionView<T> dv) {
  using Tiles = AttentionTiles<C, kMaxDim>;
  constexpr int kRows = kSide * R, kWeightStride = kRows + Tiles::kPack;
  const AttentionSizes& sizes = in.sizes;
  C* keys = DynamicShared<C>();
  C* values = keys + kRows * sizes.stride;
  C* queries = values + kRows * sizes.stride;
  C* douts = queries + kRows * sizes.stride;
  C* shared = douts + kRows * sizes.stride;  // (queries, keys)
  const int tx = threadIdx.x % kSide, ty = threadIdx.x / kSide;

  const int64_t tiles = (sizes.keys + kRows - 1) / kRows;
  const int64_t first = blockIdx.x % tiles * kRows;
  const int64_t head = blockIdx.x / tiles, b = head / sizes.heads, h = head % sizes.heads;
  LoadTile(in.k, in.k.Head(b, h, sizes.dim), first, sizes.keys, kRows, sizes, C{1}, keys);
  LoadTile(in.v, in.v.Head(b, h, sizes.dim), first, sizes.keys, kRows, sizes, C{1}, values);

  C dk_sum[R][Tiles::kPacks][Tiles::kPack] = {}, dv_sum[R][Tiles::kPacks][Tiles::kPack] = {};
  for (int64_t query = sizes.causal ? first : 0; query < sizes.queries; query += kRows) {
    LoadTile(in.q, in.q.Head(b, h, sizes.dim), query, sizes.queries, kRows, sizes, in.scale,
             queries);
    LoadTile(in.dout, in.dout.Head(b, h, sizes.dim), query, sizes.queries, kRows, sizes, C{1},
             douts);
    __syncthreads();
    C weights[R][R], gradients[R][R];
    Dots(queries, keys, sizes, ty, tx, weights);
    Dots(douts, values, sizes, ty, tx, gradients);
    Weigh(in, head, query, first, ty, tx, weights, gradients);
    Share(weights, kWeightStride, ty, tx, shared);
    __syncthreads();
    AddWeighted(shared, kWeightStride, 1, douts, kRows, sizes, ty, tx, dv_sum);
    __syncthreads();
    Share(gradients, kWeightStride, ty, tx, shared);
    __syncthreads();
    AddWeighted(shared, kWeightStride, 1, queries, kRows, sizes, ty, tx, dk_sum);
    __syncthreads();
  }
  CONVOY_UNROLL
  for (int i = 0; i < R; ++i) {
    const int64_t key = first + ty + kSide * i;
    if (key >= sizes.keys) continue;
    if (dk.data != nullptr) {
      // q was loaded times scale * log2(e), of which dk wants the scale only.
      WriteVector(dk_sum[i], std::numbers::ln2_v<C>, dk.Head(b, h, sizes.dim) + key * dk.row_step,
                  dk.accumulate, sizes.dim, tx);
    }
    if (dv.data != nullptr) {
      WriteVector(dv_sum[i], C{1}, dv.Head(b, h, sizes.dim) + key * dv.row_step, dv.accumulate,
                  sizes.dim, tx);
    }
  }
}

template <typename T, int kMaxDim, int R, typename C = ComputeType<T>>
__global__ void __launch_bounds__(kAttentionThreads)
    QueryKernel(Inputs<T, C> in, AttentionView<T> dq) {
  using Tiles = AttentionTiles<C, kMaxDim>;
  constexpr int kRows = kSide * R, kWeightStride = kRows + Tiles::kPack;
  const AttentionSizes& sizes = in.sizes;
  C* queries = DynamicShared<C>();
  C* douts = queries + kRows * sizes.stride;
  C* keys = douts + kRows * sizes.stride;
  C* values = keys + kRows * sizes.stride;
  C* shared = values + kRows * sizes.stride;  // (queries, keys)
  const int tx = threadIdx.x % kSide, ty = threadIdx.x / kSide;

  const int64_t tiles = (sizes.queries + kRows - 1) / kRows;
  const int64_t first = (tiles - 1 - blockIdx.x % tiles) * kRows;
  const int64_t head = blockIdx.x / tiles, b = head / sizes.heads, h = head % sizes.heads;
  LoadTile(in.q, in.q.Head(b, h, sizes.dim), first, sizes.queries, kRows, sizes, in.scale, queries);
  LoadTile(in.dout, in.dout.Head(b, h, sizes.dim), first, sizes.queries, kRows, sizes, C{1}, douts);

  C sum[R][Tiles::kPacks][Tiles::kPack] = {};
  const int64_t end = sizes.causal && first + kRows < sizes.keys ? first + kRows : sizes.keys;
  for (int64_t key = 0; key < end; key += kRows) {
    LoadTile(in.k, in.k.Head(b, h, sizes.dim), key, sizes.keys, kRows, sizes, C{1}, keys);
    LoadTile(in.v, in.v.Head(b, h, sizes.dim), key, sizes.keys, kRows, sizes, C{1}, values);
    __syncthreads();
    C weights[R][R], gradients[R][R];
    Dots(queries, keys, sizes, ty, tx, weights);
    Dots(douts, values, sizes, ty, tx, gradients);
    Weigh(in, head, first, key, ty, tx, weights, gradients);
    Share(gradients, kWeightStride, ty, tx, shared);
    __syncthreads();
    AddWeighted(shared, 1, kWeightStride, keys, kRows, sizes, ty, tx, sum);
    __syncthreads();
  }
  CONVOY_UNROLL
  for (int i = 0; i < R; ++i) {
    const int64_t query = first + ty + kSide * i;
    if (query >= sizes.queries) continue;
    // in.scale is scale * log2(e).
    WriteVector(sum[i], in.scale * std::numbers::ln2_v<C>,
                dq.Head(b, h, sizes.dim) + query * dq.row_step, dq.accumulate, sizes.dim, tx);
  }
}

template <typename T, int kMaxDim>
void Backward(const AttentionProblem& p, const Inputs<T, ComputeType<T>>& in,
              const AttentionInputs& grads, cudaStream_t stream) {
  using C = ComputeType<T>;
  constexpr int kTiles = 4, kR = AttentionTiles<C, kMaxDim>::Rows(kTiles);
  const size_t bytes = AttentionTiles<C, kMaxDim>::Bytes(kTiles, kR, in.sizes.stride);
  constexpr int kPack = kPackElements<C>;
  const auto blocks = [&](int64_t steps) {
    return static_cast<unsigned>((steps + kSide * kR - 1) / (kSide * kR) * p.heads * p.batch);
  };
  if (grads.k.tensor.defined() || grads.v.tensor.defined()) {
    Launch(KeyKernel<T, kMaxDim, kR>, blocks(p.keys), kAttentionThreads, bytes, stream, in,
           ViewOf<T>(grads.k, p.dim, kPack), ViewOf<T>(grads.v, p.dim, kPack));
  }
  if (grads.q.tensor.defined()) {
    Launch(QueryKernel<T, kMaxDim, kR>, blocks(p.queries), kAttentionThreads, bytes, stream, in,
           ViewOf<T>(grads.q, p.dim, kPack));
  }
}

}  // namespace

void TiledAttentionBackward(const AttentionProblem& p, const AttentionInputs& inputs,
                            const View& out, const View& softmax, const View& dout,
                            const AttentionInputs& grads) {
  const cudaStream_t stream = Use(out.device());
  if (p.batch * p.heads * p.dim == 0) return;
  const int64_t rows = p.batch * p.heads * p.queries;
  DispatchFloating(out.dtype(), "Attention", [&]<typename T>(T) {
    using C = ComputeType<T>;
    constexpr int kPack = kPackElements<C>;
    const Workspace delta = Workspace::Empty({rows}, softmax.options());
    Launch(DeltaKernel<T>, BlocksFor(rows, kAttentionThreads / kWarp), kAttentionThreads, 0, stream,
           SizesOf<C>(p), rows, out.data<T>(), dout.data<T>(), delta.data<C>());
    const Inputs<T, C> in{
        .sizes = SizesOf<C>(p),
        .q = ViewOf<const T>(inputs.q, p.dim, kPack),
        .k = ViewOf<const T>(inputs.k, p.dim, kPack),
        .v = ViewOf<const T>(inputs.v, p.dim, kPack),
        .dout = ViewOf<const T>({dout, 0, p.heads * p.dim, p.queries}, p.dim, kPack),
        .kept = softmax.data<C>(),
        .kept_step = rows,
        .delta = delta.data<C>(),
        .scale = static_cast<C>(p.scale * std::numbers::log2e)};
    DispatchDim(p.dim, [&]<int kMaxDim>(std::integral_constant<int, kMaxDim>) {
      Backward<T, kMaxDim>(p, in, grads, stream);
    });
  });
}

}  // namespace convoy::cuda
