// Device code on the simulated device: the words of CUDA C++ that kernels use, as plain C++.
#pragma once

#include <cuda_runtime_api.h>

#include <atomic>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <type_traits>

#undef __global__
#undef __device__
#undef __host__
#undef __shared__
#undef __forceinline__
#undef __launch_bounds__
#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __launch_bounds__(...)
/// Shared by the fibers of a block: they run on one system thread, one block after the other.
#define __shared__ static thread_local

#define threadIdx (::convoy::sim::place.thread)
#define blockIdx (::convoy::sim::place.block)
#define blockDim (::convoy::sim::place.block_size)
#define gridDim (::convoy::sim::place.grid_size)
inline constexpr int warpSize = 32;

namespace convoy::sim {

/// Where the running thread of a kernel is.
struct Place {
  uint3 thread;
  uint3 block;
  uint3 block_size;
  uint3 grid_size;
};
extern constinit thread_local Place place;

/// The running block's dynamic shared memory.
void* BlockSharedMemory();

/// Waits for all threads of the block that have not ended.
void SyncBlock();

/// What a thread gets when all lanes of its warp that `mask` names are at an exchange.
enum class Get : uint8_t { kNothing, kLane, kBallot };
/// Hands in `value` and waits for the lanes of `mask` in the caller's warp, then returns the value
/// of lane `source`, or a bit for each lane whose value is not 0. Aborts with a message if the
/// caller is not one of them, or if they can never all arrive.
uint64_t Exchange(uint32_t mask, Get get, uint64_t value = 0, int source = 0);
int Lane();

// As bits of an integer, without an address taken: a frame of AddressSanitizer's would cost more
// than the exchange.
template <typename T>
inline auto Bits(T value) {
  static_assert(std::is_trivially_copyable_v<T>);
  if constexpr (sizeof(T) == 8) {
    return std::bit_cast<uint64_t>(value);
  } else if constexpr (sizeof(T) == 4) {
    return std::bit_cast<uint32_t>(value);
  } else {
    static_assert(sizeof(T) == 2, "shuffles exchange 2, 4 or 8 bytes");
    return std::bit_cast<uint16_t>(value);
  }
}

template <typename T>
T Shuffle(uint32_t mask, T value, int source) {
  using Cell = decltype(Bits(value));
  // A lane that nobody is: the caller keeps its own.
  if (source < 0 || source >= 32 || (mask >> source & 1u) == 0) source = Lane();
  return std::bit_cast<T>(static_cast<Cell>(Exchange(mask, Get::kLane, Bits(value), source)));
}

/// Counts the threads of the block whose predicate holds.
int SyncBlockCount(bool predicate);

}  // namespace convoy::sim

inline void __syncthreads() { convoy::sim::SyncBlock(); }
inline int __syncthreads_count(int predicate) {
  return convoy::sim::SyncBlockCount(predicate != 0);
}
inline int __syncthreads_or(int predicate) { return __syncthreads_count(predicate) != 0; }
inline int __syncthreads_and(int predicate) { return __syncthreads_count(!predicate) == 0; }
inline void __syncwarp(unsigned mask = 0xffffffffu) {
  convoy::sim::Exchange(mask, convoy::sim::Get::kNothing);
}
inline void __threadfence() { std::atomic_thread_fence(std::memory_order_seq_cst); }

template <typename T>
T __shfl_sync(unsigned mask, T value, int source) {
  return convoy::sim::Shuffle(mask, value, source);
}
template <typename T>
T __shfl_xor_sync(unsigned mask, T value, int lanes) {
  return convoy::sim::Shuffle(mask, value, convoy::sim::Lane() ^ lanes);
}
template <typename T>
T __shfl_down_sync(unsigned mask, T value, unsigned delta) {
  return convoy::sim::Shuffle(mask, value, convoy::sim::Lane() + static_cast<int>(delta));
}
template <typename T>
T __shfl_up_sync(unsigned mask, T value, unsigned delta) {
  return convoy::sim::Shuffle(mask, value, convoy::sim::Lane() - static_cast<int>(delta));
}
inline unsigned __ballot_sync(unsigned mask, int predicate) {
  return static_cast<unsigned>(
      convoy::sim::Exchange(mask, convoy::sim::Get::kBallot, predicate != 0));
}
inline int __any_sync(unsigned mask, int predicate) { return __ballot_sync(mask, predicate) != 0; }
inline int __all_sync(unsigned mask, int predicate) {
  return __ballot_sync(mask, predicate) == mask;
}

// Atomics: kernels of several streams may run at the same time.
namespace convoy::sim {
template <typename T, typename F>
T Update(T* at, F&& f) {
  std::atomic_ref<T> ref(*at);
  T before = ref.load();
  while (!ref.compare_exchange_weak(before, f(before))) {
  }
  return before;
}
}  // namespace convoy::sim

template <typename T>
T atomicAdd(T* at, std::type_identity_t<T> value) {
  return convoy::sim::Update(at, [=](T x) { return static_cast<T>(x + value); });
}
template <typename T>
T atomicMax(T* at, std::type_identity_t<T> value) {
  return convoy::sim::Update(at, [=](T x) { return x > value ? x : value; });
}
template <typename T>
T atomicMin(T* at, std::type_identity_t<T> value) {
  return convoy::sim::Update(at, [=](T x) { return x < value ? x : value; });
}
template <typename T>
T atomicOr(T* at, std::type_identity_t<T> value) {
  return convoy::sim::Update(at, [=](T x) { return static_cast<T>(x | value); });
}
template <typename T>
T atomicExch(T* at, std::type_identity_t<T> value) {
  return convoy::sim::Update(at, [=](T) { return value; });
}
template <typename T>
T atomicCAS(T* at, std::type_identity_t<T> expected, std::type_identity_t<T> value) {
  return convoy::sim::Update(at, [=](T x) { return x == expected ? value : x; });
}

// Intrinsics.
template <typename T>
T __ldg(const T* at) {
  return *at;
}
inline float __int_as_float(int bits) { return std::bit_cast<float>(bits); }
inline int __float_as_int(float value) { return std::bit_cast<int>(value); }
inline unsigned __float_as_uint(float value) { return std::bit_cast<unsigned>(value); }
inline float __uint_as_float(unsigned bits) { return std::bit_cast<float>(bits); }
inline float __expf(float x) { return std::exp(x); }
inline float __logf(float x) { return std::log(x); }
inline float __fdividef(float a, float b) { return a / b; }
inline float rsqrtf(float x) { return 1 / std::sqrt(x); }
inline double rsqrt(double x) { return 1 / std::sqrt(x); }
inline unsigned __umulhi(unsigned a, unsigned b) {
  return static_cast<unsigned>(uint64_t{a} * b >> 32);
}
inline int __popc(unsigned x) { return std::popcount(x); }
inline int __ffs(int x) { return x == 0 ? 0 : std::countr_zero(static_cast<unsigned>(x)) + 1; }
