// CUDA kernels of Embedding. Backward sorts the positions by table row, cuts the sorted list into
// chunks and sums the runs of equal rows of each. A run that crosses chunks leaves partial sums,
// which are then added up: the order of additions is fixed, and no thread sums a long run alone.
#include <algorithm>
#include <limits>

#include "core/cuda/stream.h"
#include "core/workspace.h"
#include "ops/cuda/rows.h"
#include "ops/cuda/sort_positions.h"
#include "ops/embedding_kernels.h"

namespace convoy {
namespace {

using cuda::kWarp;

constexpr int kThreads = 256;
constexpr int kWarps = kThreads / kWarp;
constexpr int kChunk = kWarp;  // a lane for each position
constexpr int kAhead = 4;      // rows that are read before the first is added
constexpr unsigned kAll = 0xffffffffu;

// A warp per position.
template <typename T, int kPack>
__global__ void Gather(const T* table, const int32_t* indices, int64_t count, int64_t table_rows,
                       int64_t n, T* y) {
  const int64_t i = int64_t{blockIdx.x} * kWarps + threadIdx.x / kWarp;
  if (i >= count) return;
  const int32_t index = indices[i];
  const bool valid = index >= 0 && index < table_rows;
  cuda::Pack<T, kPack> pack;
  for (int j = 0; j < kPack; ++j) {
    pack[j] = cuda::Round<T>(std::numeric_limits<ComputeType<T>>::quiet_NaN());
  }
  for (int64_t at = threadIdx.x % kWarp * kPack; at < n; at += kWarp * kPack) {
    if (valid) pack = cuda::LoadPack<kPack>(table + index * n + at);
    cuda::StorePack(y + i * n + at, pack);
  }
}

// The sorted positions, and where sums go.
template <typename T>
struct ScatterArgs {
  const T* dy;  // (count, n)
  const int32_t *keys, *positions;
  int64_t count, chunks, table_rows, n;
  ComputeType<T>*
      heads;  // (chunks, n): sum of the run that a chunk begins with, if it began before
  ComputeType<T>* tails;  // (chunks, n): of the run that begins in the chunk and goes on after it
  T* dtable;
  bool accumulate;

  // -1 outside the list.
  __device__ int32_t Key(int64_t i) const { return i >= 0 && i < count ? keys[i] : -1; }
};

// Partial sums in 16-byte accesses.
template <int kPack, typename C>
__device__ void WritePart(C* to, const C (&sums)[kPack]) {
  constexpr int kStep = std::min(kPack, cuda::kPackElements<C>);
  for (int j = 0; j < kPack; j += kStep) {
    cuda::Pack<C, kStep> pack;
    for (int i = 0; i < kStep; ++i) pack[i] = sums[j + i];
    cuda::StorePack(to + j, pack);
  }
}
template <int kPack, typename C>
__device__ void AddPart(const C* from, C (&sums)[kPack]) {
  constexpr int kStep = std::min(kPack, cuda::kPackElements<C>);
  for (int j = 0; j < kPack; j += kStep) {
    const auto pack = cuda::LoadPack<kStep>(from + j);
    for (int i = 0; i < kStep; ++i) sums[j + i] += pack[i];
  }
}

template <typename T, int kPack>
__device__ void WriteRow(const ScatterArgs<T>& a, int32_t row, int64_t column,
                         const ComputeType<T> (&sums)[kPack]) {
  T* const to = a.dtable + row * a.n + column;
  cuda::Pack<T, kPack> pack = {};
  if (a.accumulate) pack = cuda::LoadPack<kPack>(to);
  for (int j = 0; j < kPack; ++j) {
    pack[j] = cuda::Round<T>(a.accumulate ? cuda::Widen(pack[j]) + sums[j] : sums[j]);
  }
  cuda::StorePack(to, pack);
}

// A warp per chunk and kWarp * kPack columns.
template <typename T, int kPack>
__global__ void __launch_bounds__(kThreads) SumChunks(const ScatterArgs<T> a) {
  using C = ComputeType<T>;
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  const int64_t chunk = int64_t{blockIdx.x} * kWarps + threadIdx.x / kWarp;
  if (chunk >= a.chunks) return;
  const int64_t first = chunk * kChunk, column = (int64_t{blockIdx.y} * kWarp + lane) * kPack;
  const int count = static_cast<int>(a.count - first < kChunk ? a.count - first : kChunk);
  const bool active = column < a.n;
  const int32_t before = a.Key(first - 1), after = a.Key(first + kChunk);
  const int32_t my_key = a.Key(first + lane);
  const int32_t my_position = lane < count ? a.positions[first + lane] : 0;

  C sums[kPack] = {};
  for (int begin = 0; begin < count; begin += kAhead) {
    cuda::Pack<T, kPack> rows[kAhead];
    CONVOY_UNROLL
    for (int u = 0; u < kAhead; ++u) {
      const int32_t position = __shfl_sync(kAll, my_position, (begin + u) % kWarp);
      rows[u] = {};
      if (active && begin + u < count) {
        rows[u] = cuda::LoadPack<kPack>(a.dy + position * a.n + column);
      }
    }
    CONVOY_UNROLL
    for (int u = 0; u < kAhead; ++u) {
      const int i = begin + u;
      const int32_t key = __shfl_sync(kAll, my_key, i % kWarp);
      const int32_t next = __shfl_sync(kAll, my_key, (i + 1) % kWarp);
      if (i >= count) break;
      for (int j = 0; j < kPack; ++j) sums[j] += cuda::Widen(rows[u][j]);
      const bool last = i + 1 == count;
      if (!last && next == key) continue;
      if (active && key < a.table_rows) {
        const bool goes_on = last && key == after;
        if (key == before || goes_on) {
          WritePart((key == before ? a.heads : a.tails) + chunk * a.n + column, sums);
        } else {
          WriteRow<T, kPack>(a, key, column, sums);
        }
      }
      for (int j = 0; j < kPack; ++j) sums[j] = 0;
    }
  }
}

// A block per chunk and kWarp * kPack columns: finishes the run that begins in the chunk and goes
// on. Each warp adds every kWarps-th part.
template <typename T, int kPack>
__global__ void __launch_bounds__(kThreads) FinishRuns(const ScatterArgs<T> a) {
  using C = ComputeType<T>;
  const int64_t chunk = blockIdx.x;
  const int32_t key = a.Key((chunk + 1) * kChunk);
  if (key < 0 || key >= a.table_rows || a.Key((chunk + 1) * kChunk - 1) != key ||
      a.Key(chunk * kChunk - 1) == key) {
    return;
  }
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  const int warp = static_cast<int>(threadIdx.x) / kWarp;
  const int64_t column = (int64_t{blockIdx.y} * kWarp + lane) * kPack;
  const bool active = column < a.n;
  int64_t end = chunk + 1;  // the first chunk that does not begin with the run
  for (unsigned same = kAll; same == kAll;) {
    same = __ballot_sync(kAll, a.Key((end + lane) * kChunk) == key);
    end += __popc(same);
  }

  C sums[kPack] = {};
  if (active) {
    if (warp == 0) AddPart(a.tails + chunk * a.n + column, sums);
    for (int64_t c = chunk + 1 + warp; c < end; c += kWarps) {
      AddPart(a.heads + c * a.n + column, sums);
    }
  }
  C* const shared = cuda::DynamicShared<C>();  // (kWarps, kPack, kWarp)
  for (int j = 0; j < kPack; ++j) shared[(warp * kPack + j) * kWarp + lane] = sums[j];
  __syncthreads();
  if (warp != 0 || !active) return;
  for (int w = 1; w < kWarps; ++w) {
    for (int j = 0; j < kPack; ++j) sums[j] += shared[(w * kPack + j) * kWarp + lane];
  }
  WriteRow<T, kPack>(a, key, column, sums);
}

void EmbeddingForward(const View& table, const View& indices, const View& y) {
  const cudaStream_t stream = cuda::Use(table.device());
  const int64_t count = indices.numel(), n = table.dim(1);
  DispatchFloating(table.dtype(), "Embedding", [&]<typename T>(T) {
    const auto launch = [&]<int kPack>(cuda::Width<kPack>) {
      cuda::Launch(Gather<T, kPack>, cuda::BlocksFor(count, kWarps), kThreads, 0, stream,
                   table.data<T>(), indices.data<int32_t>(), count, table.dim(0), n, y.data<T>());
    };
    cuda::DispatchPack<T>(n, {table.raw_data(), y.raw_data()}, launch);
  });
}

void EmbeddingBackward(const View& dy, const View& indices, const GradTarget& dtable) {
  const cudaStream_t stream = cuda::Use(dy.device());
  const int64_t count = indices.numel(), n = dtable.tensor.dim(1);
  if (dtable.tensor.numel() == 0) return;
  if (!dtable.accumulate) dtable.tensor.Zero();
  const int64_t chunks = (count + kChunk - 1) / kChunk;
  const cuda::SortedPositions sorted = cuda::SortPositions(indices, dtable.tensor.dim(0));
  DispatchFloating(dy.dtype(), "Embedding", [&]<typename T>(T) {
    using C = ComputeType<T>;
    const TensorOptions options{DTypeOf<C>(), dy.device()};
    const Workspace heads = Workspace::Empty({chunks, n}, options);
    const Workspace tails = Workspace::Empty({chunks, n}, options);
    const ScatterArgs<T> args{.dy = dy.data<T>(),
                              .keys = sorted.keys.data<int32_t>(),
                              .positions = sorted.positions.data<int32_t>(),
                              .count = count,
                              .chunks = chunks,
                              .table_rows = dtable.tensor.dim(0),
                              .n = n,
                              .heads = heads.data<C>(),
                              .tails = tails.data<C>(),
                              .dtable = dtable.tensor.data<T>(),
                              .accumulate = dtable.accumulate};
    const auto launch = [&]<int kPack>(cuda::Width<kPack>) {
      const unsigned columns = cuda::BlocksFor(n, kWarp, kPack);
      cuda::Launch(SumChunks<T, kPack>, dim3(cuda::BlocksFor(chunks, kWarps), columns), kThreads, 0,
                   stream, args);
      cuda::Launch(FinishRuns<T, kPack>, dim3(static_cast<unsigned>(chunks), columns), kThreads,
                   kThreads * kPack * sizeof(C), stream, args);
    };
    cuda::DispatchPack<T>(n, {args.dy, args.dtable}, launch);
  });
}

CONVOY_REGISTER_KERNEL(embedding_forward, kCuda, EmbeddingForward);
CONVOY_REGISTER_KERNEL(embedding_backward, kCuda, EmbeddingBackward);

}  // namespace
}  // namespace convoy
