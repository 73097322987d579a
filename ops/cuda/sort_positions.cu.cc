// A stable radix sort, 8 bits at a time from the lowest. Per pass: each tile of the list counts its
// digits; then each tile knows where its elements of every digit go, and moves them in order.
#include "ops/cuda/sort_positions.h"

#include <algorithm>
#include <bit>

#include "core/cuda/kernel.h"
#include "core/cuda/launch.h"
#include "core/cuda/stream.h"
#include "core/workspace.h"

namespace convoy::cuda {
namespace {

constexpr int kDigitBits = 8, kDigits = 1 << kDigitBits;
constexpr int kThreads = kDigits;  // a thread has a digit of its own
constexpr int kWarps = kThreads / kWarp;
constexpr int kWarpBatches = 8;
constexpr int kWarpKeys = kWarpBatches * kWarp;  // neighbours, 32 at a time
constexpr int kTileKeys = kWarps * kWarpKeys;
constexpr unsigned kAll = 0xffffffffu;

// What a pass reads: the result of the one before, or the indices as they came.
struct Source {
  const int32_t* keys;
  const int32_t* positions;  // null: of the indices
  int32_t n;
  int32_t bound;  // of the indices
  int shift;

  __device__ int32_t Key(int32_t i) const {
    const int32_t key = keys[i];
    return positions != nullptr || (key >= 0 && key < bound) ? key : bound;
  }
  __device__ int32_t Position(int32_t i) const { return positions != nullptr ? positions[i] : i; }
  __device__ int Digit(int32_t key) const { return key >> shift & (kDigits - 1); }
};

// The lanes of the warp that have the same digit; without those that are not `valid`.
__device__ unsigned SameDigit(int digit, bool valid) {
  unsigned same = __ballot_sync(kAll, valid);
  CONVOY_UNROLL
  for (int bit = 0; bit < kDigitBits; ++bit) {
    const bool set = (digit >> bit & 1) != 0;
    const unsigned those = __ballot_sync(kAll, set);
    same &= set ? those : ~those;
  }
  return same;
}

// Calls f(i, digit, same) for the keys of this warp, 32 neighbours at a time; all lanes call it,
// and `same` is 0 beyond the end.
template <typename F>
__device__ void ForWarpKeys(const Source& from, F&& f) {
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  const int64_t first = int64_t{blockIdx.x} * kTileKeys +
                        static_cast<int64_t>(threadIdx.x) / kWarp * kWarpKeys + lane;
  for (int batch = 0; batch < kWarpBatches; ++batch) {
    const int64_t at = first + batch * kWarp;
    const bool valid = at < from.n;
    const int32_t i = static_cast<int32_t>(valid ? at : 0);
    const int digit = valid ? from.Digit(from.Key(i)) : 0;
    const unsigned same = SameDigit(digit, valid);
    f(i, digit, valid ? same : 0u);
    __syncwarp();
  }
}

// counts (kWarps, kDigits): how often this tile's warps have each digit.
__device__ void CountByWarp(const Source& from, int* counts) {
  for (int i = threadIdx.x; i < kWarps * kDigits; i += kThreads) counts[i] = 0;
  __syncthreads();
  int* const own = counts + threadIdx.x / kWarp * kDigits;
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  ForWarpKeys(from, [&](int32_t, int digit, unsigned same) {
    if (__ffs(static_cast<int>(same)) == lane + 1) own[digit] += __popc(same);
  });
  __syncthreads();
}

// counts (tiles, kDigits).
__global__ void __launch_bounds__(kThreads) CountDigits(Source from, int32_t* counts) {
  int* const by_warp = DynamicShared<int>();
  CountByWarp(from, by_warp);
  int sum = 0;
  for (int warp = 0; warp < kWarps; ++warp) sum += by_warp[warp * kDigits + threadIdx.x];
  counts[int64_t{blockIdx.x} * kDigits + threadIdx.x] = sum;
}

// The sum of `value` over the threads before this one.
__device__ int SumBefore(int value, int* shared) {
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  const int warp = static_cast<int>(threadIdx.x) / kWarp;
  int sum = value;
  for (int lanes = 1; lanes < kWarp; lanes *= 2) {
    const int other = __shfl_up_sync(kAll, sum, static_cast<unsigned>(lanes));
    if (lane >= lanes) sum += other;
  }
  if (lane == kWarp - 1) shared[warp] = sum;
  __syncthreads();
  sum -= value;
  for (int w = 0; w < warp; ++w) sum += shared[w];
  __syncthreads();
  return sum;
}

// `counts` is not read if there is one tile.
__global__ void __launch_bounds__(kThreads)
    MoveByDigit(Source from, const int32_t* counts, int32_t* keys, int32_t* positions) {
  int* const next = DynamicShared<int>();  // (kWarps, kDigits): where a warp's next one goes
  CountByWarp(from, next);
  const int digit_of_thread = static_cast<int>(threadIdx.x);
  const unsigned tiles = gridDim.x;
  int before = 0, total = 0;  // of this thread's digit, in the tiles before and in all
  if (tiles == 1) {
    for (int warp = 0; warp < kWarps; ++warp) total += next[warp * kDigits + digit_of_thread];
  } else {
    for (unsigned tile = 0; tile < tiles; ++tile) {
      const int count = counts[int64_t{tile} * kDigits + digit_of_thread];
      if (tile < blockIdx.x) before += count;
      total += count;
    }
  }
  int place = SumBefore(total, next + kWarps * kDigits) + before;
  for (int warp = 0; warp < kWarps; ++warp) {
    int& entry = next[warp * kDigits + digit_of_thread];
    const int count = entry;
    entry = place;
    place += count;
  }
  __syncthreads();
  int* const own = next + threadIdx.x / kWarp * kDigits;
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  ForWarpKeys(from, [&](int32_t i, int digit, unsigned same) {
    const int first = same != 0 ? own[digit] : 0;
    __syncwarp();
    if (same == 0) return;
    const int rank = __popc(same & ((1u << lane) - 1));
    keys[first + rank] = from.Key(i);
    positions[first + rank] = from.Position(i);
    if (rank == 0) own[digit] = first + __popc(same);
  });
}

}  // namespace

SortedPositions SortPositions(const View& indices, int64_t bound) {
  const cudaStream_t stream = Use(indices.device());
  const int64_t n = indices.numel();
  CONVOY_CHECK(n <= INT32_MAX && bound <= INT32_MAX,
               "[SortPositions] {} indices below {}: more than 2^31 - 1", n, bound);
  const TensorOptions options{DType::kI32, indices.device()};
  const unsigned tiles = BlocksFor(n, kTileKeys);
  const Workspace counts = Workspace::Empty({int64_t{tiles}, kDigits}, options);
  constexpr size_t kShared = (kWarps * kDigits + kWarps) * sizeof(int);
  Source from{indices.data<int32_t>(), nullptr, static_cast<int32_t>(n),
              static_cast<int32_t>(bound), 0};
  SortedPositions sorted, before;
  const int bits = std::max(static_cast<int>(std::bit_width(static_cast<uint64_t>(bound))), 1);
  for (; from.shift < bits; from.shift += kDigitBits) {
    before = std::move(sorted);
    sorted = {Workspace::Empty({n}, options), Workspace::Empty({n}, options)};
    if (tiles > 1) {
      Launch(CountDigits, tiles, kThreads, kShared, stream, from, counts.data<int32_t>());
    }
    Launch(MoveByDigit, tiles, kThreads, kShared, stream, from, counts.data<int32_t>(),
           sorted.keys.data<int32_t>(), sorted.positions.data<int32_t>());
    from.keys = sorted.keys.data<int32_t>();
    from.positions = sorted.positions.data<int32_t>();
  }
  return sorted;
}

}  // namespace convoy::cuda
