// Kernels that move elements without looking at them: bytes in the widest units that fit.
#pragma once

#include <cstdint>
#include <initializer_list>

#include "core/cuda/kernel.h"

namespace convoy::cuda {

/// 16 bytes.
using Unit16 = Pack<uint32_t, 4>;

/// The greatest power of two, at most 16, that divides all of `numbers`: sizes in bytes, addresses.
inline int64_t UnitFor(std::initializer_list<uint64_t> numbers) {
  uint64_t bits = 16;
  for (const uint64_t number : numbers) bits |= number;
  return static_cast<int64_t>(bits & (~bits + 1));
}
inline uint64_t Address(const void* pointer) { return reinterpret_cast<uintptr_t>(pointer); }

/// Calls `f(U{})` with a type of `bytes` bytes: 1, 2, 4, 8 or 16.
template <class F>
void DispatchUnit(int64_t bytes, F&& f) {
  switch (bytes) {
    case 16:
      return f(Unit16{});
    case 8:
      return f(uint64_t{});
    case 4:
      return f(uint32_t{});
    case 2:
      return f(uint16_t{});
    default:
      return f(uint8_t{});
  }
}

}  // namespace convoy::cuda
