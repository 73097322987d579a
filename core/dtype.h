// Element types: the enumeration, the 16-bit floats, and dispatch from one to a C++ type.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>

#include "core/base/error.h"
#include "core/host_device.h"

namespace convoy {

enum class DType : uint8_t { kF32, kF64, kBF16, kF16, kI32, kI64, kU8, kBool };

/// Bytes of one element.
size_t SizeOf(DType dtype);

/// "f32", "f64", "bf16", "f16", "i32", "i64", "u8" or "bool".
std::string_view Name(DType dtype);

/// f32, f64, bf16 or f16: the types that gradients can have.
bool IsFloating(DType dtype);

/// A bfloat16 value: the upper half of an f32. Conversion from f32 rounds to nearest even.
struct BFloat16 {
  uint16_t bits = 0;

  BFloat16() = default;
  CONVOY_HOST_DEVICE explicit BFloat16(float value) {
#if defined(__CUDA_ARCH__)
    asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(bits) : "f"(value));
#else
    const uint32_t wide = std::bit_cast<uint32_t>(value);
    const bool nan = (wide & 0x7fffffffu) > 0x7f800000u;
    bits = nan ? static_cast<uint16_t>((wide >> 16) | 0x40u)
               : static_cast<uint16_t>((wide + 0x7fffu + ((wide >> 16) & 1u)) >> 16);
#endif
  }
  CONVOY_HOST_DEVICE explicit operator float() const {
    return std::bit_cast<float>(uint32_t{bits} << 16);
  }
};

/// An IEEE 754 half-precision value. Conversion from f32 rounds to nearest even.
struct Float16 {
  uint16_t bits = 0;

  Float16() = default;
  CONVOY_HOST_DEVICE explicit Float16(float value) : bits(Round(value)) {}
  CONVOY_HOST_DEVICE explicit operator float() const { return Widen(bits); }

 private:
  CONVOY_HOST_DEVICE static uint16_t Round(float value) {
#if defined(__CUDA_ARCH__)
    uint16_t result;
    asm("cvt.rn.f16.f32 %0, %1;" : "=h"(result) : "f"(value));
    return result;
#else
    return RoundOnHost(value);
#endif
  }
  CONVOY_HOST_DEVICE static float Widen(uint16_t bits) {
#if defined(__CUDA_ARCH__)
    float result;
    asm("cvt.f32.f16 %0, %1;" : "=f"(result) : "h"(bits));
    return result;
#else
    return WidenOnHost(bits);
#endif
  }
  static uint16_t RoundOnHost(float value);
  static float WidenOnHost(uint16_t bits);
};

/// The type in which values of T are computed and summed: f32 for the 16-bit floats, else T.
template <typename T>
using ComputeType =
    std::conditional_t<std::is_same_v<T, BFloat16> || std::is_same_v<T, Float16>, float, T>;

/// The DType of a C++ element type.
template <typename T>
constexpr DType DTypeOf() {
  if constexpr (std::is_same_v<T, float>)
    return DType::kF32;
  else if constexpr (std::is_same_v<T, double>)
    return DType::kF64;
  else if constexpr (std::is_same_v<T, BFloat16>)
    return DType::kBF16;
  else if constexpr (std::is_same_v<T, Float16>)
    return DType::kF16;
  else if constexpr (std::is_same_v<T, int32_t>)
    return DType::kI32;
  else if constexpr (std::is_same_v<T, int64_t>)
    return DType::kI64;
  else if constexpr (std::is_same_v<T, uint8_t>)
    return DType::kU8;
  else {
    static_assert(std::is_same_v<T, bool>, "not an element type");
    return DType::kBool;
  }
}

/// Calls `f(T{})` with the C++ type of a floating `dtype`; Error starting with `[op]` otherwise.
template <typename F>
decltype(auto) DispatchFloating(DType dtype, std::string_view op, F&& f) {
  switch (dtype) {
    case DType::kF32:
      return f(float{});
    case DType::kF64:
      return f(double{});
    case DType::kBF16:
      return f(BFloat16{});
    case DType::kF16:
      return f(Float16{});
    default:
      Fail("[{}] wants a floating dtype (f32, f64, bf16, f16), got {}", op, Name(dtype));
  }
}

/// Calls `f(T{})` with the C++ type of `dtype`.
template <typename F>
decltype(auto) DispatchAll(DType dtype, F&& f) {
  switch (dtype) {
    case DType::kF32:
      return f(float{});
    case DType::kF64:
      return f(double{});
    case DType::kBF16:
      return f(BFloat16{});
    case DType::kF16:
      return f(Float16{});
    case DType::kI32:
      return f(int32_t{});
    case DType::kI64:
      return f(int64_t{});
    case DType::kU8:
      return f(uint8_t{});
    case DType::kBool:
      break;
  }
  return f(bool{});
}

}  // namespace convoy
