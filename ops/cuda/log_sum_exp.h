// Device code for softmax: the maximum of numbers and the sum of their exponentials, in one pass.
#pragma once

#include <cmath>
#include <limits>

#include "ops/cuda/rows.h"

namespace convoy::cuda {

/// exp(x) for results that are stored as T: the fast one where the rounding to T hides its error.
template <typename T>
__device__ __forceinline__ ComputeType<T> Exp(ComputeType<T> x) {
  if constexpr (sizeof(T) == 2) {
    return __expf(x);
  } else {
    return std::exp(x);
  }
}

/// max over x, and the sum of exp(x - max) (Milakov and Gimelshein, "Online normalizer calculation
/// for softmax", 2018). The sum is NaN if a NaN or +infinity is among x; max passes over NaN. They
/// are kept apart, since max + log(sum) would be rounded to the precision of a large max.
template <typename T>
struct MaxAndSum {
  using C = ComputeType<T>;
  C max = -std::numeric_limits<C>::infinity();
  C sum = 0;

  template <int N>
  __device__ __forceinline__ void Add(const Pack<T, N>& values) {
    C top = max;
    for (int j = 0; j < N; ++j) top = Widen(values[j]) > top ? Widen(values[j]) : top;
    const C shift = Shift(top);
    sum *= Exp<T>(max - shift);
    for (int j = 0; j < N; ++j) sum += Exp<T>(Widen(values[j]) - shift);
    max = top;
  }

  __device__ __forceinline__ void Add(const MaxAndSum& other) {
    const C top = other.max > max ? other.max : max;
    const C shift = Shift(top);
    sum = sum * Exp<T>(max - shift) + other.sum * Exp<T>(other.max - shift);
    max = top;
  }

  /// Of all threads of the team, in every thread; of a kWarpRow team, or else of the whole block.
  template <bool kWarpRow>
  __device__ __forceinline__ void Combine(const RowTeam<kWarpRow>& team, C* shared) {
    OverWarp();
    if constexpr (!kWarpRow) {
      const int lane = static_cast<int>(threadIdx.x) % kWarp;
      const int warp = static_cast<int>(threadIdx.x) / kWarp;
      if (lane == 0) shared[warp] = max, shared[kWarp + warp] = sum;
      __syncthreads();
      *this = MaxAndSum();
      if (lane < team.warps) max = shared[lane], sum = shared[kWarp + lane];
      OverWarp();
    }
  }

 private:
  // Less than infinitely low, so that numbers that are -infinity give exp(-infinity).
  __device__ __forceinline__ static C Shift(C top) {
    return top == -std::numeric_limits<C>::infinity() ? C{0} : top;
  }

  __device__ __forceinline__ void OverWarp() {
    constexpr unsigned kAll = 0xffffffffu;
    for (int lanes = kWarp / 2; lanes > 0; lanes /= 2) {
      MaxAndSum other;
      other.max = __shfl_xor_sync(kAll, max, lanes);
      other.sum = __shfl_xor_sync(kAll, sum, lanes);
      Add(other);
    }
    sum = __shfl_sync(kAll, sum, 0);  // lanes may have rounded differently
  }
};

/// Launch shape of kernels with a team per row of n elements: a warp for short rows, else a block.
struct RowLaunch {
  bool warp_row;
  int threads;
  int team_warps;
  unsigned blocks;

  RowLaunch(int64_t rows, int64_t n)
      : warp_row(n <= 1024),
        threads(warp_row || n <= 16384 ? 256 : 512),
        team_warps(warp_row ? 1 : threads / kWarp),
        blocks(BlocksFor(rows, warp_row ? threads / kWarp : 1)) {}
};

}  // namespace convoy::cuda
