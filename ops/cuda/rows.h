// Device code that kernels over rows share: who works on a row, sums over these threads, and loops
// over a row's elements in wide accesses.
#pragma once

#include <algorithm>
#include <initializer_list>
#include <type_traits>

#include "core/cuda/kernel.h"
#include "core/cuda/launch.h"

namespace convoy::cuda {

/// The threads that work on one row together: the block is cut into teams of `warps` warps each.
/// kWarpRow: warps is 1, and teams need not wait for each other.
template <bool kWarpRow>
struct RowTeam {
  int warps;
  int size;   // threads of a team
  int index;  // of this thread in its team
  int id;     // of the team in its block
  int count;  // teams of the block

  __device__ explicit RowTeam(int team_warps)
      : warps(kWarpRow ? 1 : team_warps),
        size(warps * kWarp),
        index(static_cast<int>(threadIdx.x) % size),
        id(static_cast<int>(threadIdx.x) / size),
        count(static_cast<int>(blockDim.x) / size) {}

  /// Elements of shared memory that Sum wants for N values at a time.
  template <int N>
  static constexpr int kShared = kWarpRow ? 1 : 2 * N* kWarp;

  /// Replaces each value by its sum over the team; the order of additions is fixed. Every thread of
  /// the block calls it, whether its team has a row or not. `turn` is 0 at first: calls that follow
  /// each other use one half of `shared` each, so that one barrier is enough.
  template <int N, typename T>
  __device__ __forceinline__ void Sum(T (&values)[N], T* shared, int& turn) const {
    CONVOY_UNROLL
    for (int v = 0; v < N; ++v) values[v] = WarpSum(values[v]);
    if constexpr (!kWarpRow) {
      T* const part = shared + turn * N * kWarp;
      turn ^= 1;
      const int lane = static_cast<int>(threadIdx.x) % kWarp;
      if (lane == 0) {
        for (int v = 0; v < N; ++v)
          part[v * kWarp + static_cast<int>(threadIdx.x) / kWarp] = values[v];
      }
      __syncthreads();
      CONVOY_UNROLL
      for (int v = 0; v < N; ++v) {
        values[v] = WarpSum(lane < warps ? part[v * kWarp + id * warps + lane] : T{});
      }
    }
  }
};

/// Calls f(k, p) for the team's share of `packs`: p = index + k * size. The first kHold of them are
/// unrolled, so that f can keep what it reads in registers under the number k; the others, of very
/// long rows, are called with k == kHold.
template <int kHold, typename Team, typename F>
__device__ __forceinline__ void ForPacks(const Team& team, int64_t packs, F&& f) {
  CONVOY_UNROLL
  for (int k = 0; k < kHold; ++k) {
    const int p = team.index + k * team.size;
    if (p < packs) f(k, p);
  }
  for (int64_t p = team.index + int64_t{kHold} * team.size; p < packs; p += team.size) f(kHold, p);
}

/// Elements before the first 16-byte boundary that the given rows share; all n if they share none.
template <typename T, typename... Others>
__device__ __forceinline__ int64_t Head(int64_t n, const T* first, const Others*... others) {
  constexpr uintptr_t kMask = 15;
  const uintptr_t off = reinterpret_cast<uintptr_t>(first) & kMask;
  if (((off != (reinterpret_cast<uintptr_t>(others) & kMask)) || ...)) return n;
  const int64_t head = static_cast<int64_t>(((16 - off) & kMask) / sizeof(T));
  return head < n ? head : n;
}

template <int N>
using Width = std::integral_constant<int, N>;

/// Calls f(Width<N>(), i) so that the elements [i, i + N) of all calls are the team's share of
/// [0, n): N is 1 up to `head` and at the end, else that of a 16-byte access.
template <typename T, typename Team, typename F>
__device__ __forceinline__ void ForElements(const Team& team, int64_t head, int64_t n, F&& f) {
  constexpr int kPack = kPackElements<T>;
  for (int64_t i = team.index; i < head; i += team.size) f(Width<1>(), i);
  const int64_t packs = (n - head) / kPack;
  for (int64_t p = team.index; p < packs; p += team.size) f(Width<kPack>(), head + p * kPack);
  for (int64_t i = head + packs * kPack + team.index; i < n; i += team.size) f(Width<1>(), i);
}

/// How blocks are cut into teams for rows of `packs` accesses, so that a thread has at most `held`
/// of them; more, of very long rows, with `max_threads`.
struct RowTeams {
  int team_warps, teams, threads;

  RowTeams(int64_t packs, int held, int threads_wanted, int max_threads) {
    const int64_t wanted = (packs + int64_t{held} * kWarp - 1) / (int64_t{held} * kWarp);
    team_warps = static_cast<int>(std::clamp<int64_t>(wanted, 1, max_threads / kWarp));
    teams = std::max(threads_wanted / kWarp / team_warps, 1);
    threads = teams * team_warps * kWarp;
  }
};

/// Calls f(Width<N>()): the elements of an access that rows of n elements at these places allow.
template <typename T, typename F>
void DispatchPack(int64_t n, std::initializer_list<const void*> pointers, F&& f) {
  uintptr_t bits = static_cast<uintptr_t>(n) * sizeof(T);
  for (const void* pointer : pointers) bits |= reinterpret_cast<uintptr_t>(pointer);
  if (bits % 16 == 0) return f(Width<kPackElements<T>>());
  f(Width<1>());
}

}  // namespace convoy::cuda
