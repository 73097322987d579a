// The 16-bit floats, bit by bit, and dispatch by dtype.
#include "core/dtype.h"

#include <fmt/format.h>

#include <bit>
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

namespace convoy {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();

template <typename T>
T FromBits(uint32_t bits) {
  T value;
  value.bits = static_cast<uint16_t>(bits);
  return value;
}

template <typename T>
uint16_t Bits(float value) {
  return T(value).bits;
}

// For all neighbours among the finite values of one sign: their middle goes to the even one,
// anything nearer to one of them goes there. Says what the first wrong one becomes; empty if none
// is.
template <typename T>
std::string WrongRounding(uint32_t infinity, uint32_t sign) {
  for (uint32_t bits = 0; bits + 1 < infinity; ++bits) {
    const float a = static_cast<float>(FromBits<T>(sign | bits));
    const float b = static_cast<float>(FromBits<T>(sign | (bits + 1)));
    const float middle = static_cast<float>((static_cast<double>(a) + static_cast<double>(b)) / 2);
    if (middle == a || middle == b) continue;  // two subnormals of f32
    const uint32_t even = sign | (bits + (bits & 1));
    const std::pair<float, uint32_t> cases[] = {{a, sign | bits},
                                                {middle, even},
                                                {std::nextafter(middle, a), sign | bits},
                                                {std::nextafter(middle, b), sign | (bits + 1)}};
    for (const auto& [value, expected] : cases) {
      if (Bits<T>(value) == expected) continue;
      return fmt::format("{} (f32 {:#010x}) becomes {:#06x}, not {:#06x}", value,
                         std::bit_cast<uint32_t>(value), Bits<T>(value), expected);
    }
  }
  return "";
}

TEST_CASE("every bf16 converts to f32 and back, and f32 rounds to nearest even") {
  CHECK(WrongRounding<BFloat16>(0x7f80, 0x0000) == "");
  CHECK(WrongRounding<BFloat16>(0x7f80, 0x8000) == "");
}

TEST_CASE("every f16 converts to f32 and back, and f32 rounds to nearest even") {
  CHECK(WrongRounding<Float16>(0x7c00, 0x0000) == "");
  CHECK(WrongRounding<Float16>(0x7c00, 0x8000) == "");
}

TEST_CASE("bf16 of known values") {
  CHECK(Bits<BFloat16>(0.0f) == 0x0000);
  CHECK(Bits<BFloat16>(-0.0f) == 0x8000);
  CHECK(Bits<BFloat16>(1.0f) == 0x3f80);
  CHECK(Bits<BFloat16>(-2.5f) == 0xc020);
  CHECK(Bits<BFloat16>(3.14159265f) == 0x4049);
  CHECK(Bits<BFloat16>(1e-40f) == 0x0001);  // a subnormal
  CHECK(Bits<BFloat16>(kInf) == 0x7f80);
  CHECK(Bits<BFloat16>(-kInf) == 0xff80);
  CHECK(Bits<BFloat16>(std::numeric_limits<float>::max()) == 0x7f80);
}

TEST_CASE("f16 of known values") {
  CHECK(Bits<Float16>(0.0f) == 0x0000);
  CHECK(Bits<Float16>(-0.0f) == 0x8000);
  CHECK(Bits<Float16>(1.0f) == 0x3c00);
  CHECK(Bits<Float16>(-2.5f) == 0xc100);
  CHECK(Bits<Float16>(3.14159265f) == 0x4248);
  CHECK(Bits<Float16>(0x1p-14f) == 0x0400);  // the smallest normal
  CHECK(Bits<Float16>(0x1p-24f) == 0x0001);  // the smallest subnormal
  CHECK(Bits<Float16>(0x1p-25f) == 0x0000);  // half of it: to even
  CHECK(Bits<Float16>(0x1.000002p-25f) == 0x0001);
  CHECK(Bits<Float16>(-1e-30f) == 0x8000);
  CHECK(Bits<Float16>(65504.0f) == 0x7bff);  // the largest
  CHECK(Bits<Float16>(65519.996f) == 0x7bff);
  CHECK(Bits<Float16>(65520.0f) == 0x7c00);  // rounds to 65536: infinity
  CHECK(Bits<Float16>(1e30f) == 0x7c00);
  CHECK(Bits<Float16>(-kInf) == 0xfc00);
  CHECK(static_cast<float>(FromBits<Float16>(0x0001)) == 0x1p-24f);
  CHECK(static_cast<float>(FromBits<Float16>(0x83ff)) == -1023 * 0x1p-24f);
  CHECK(static_cast<float>(FromBits<Float16>(0x7c00)) == kInf);
}

TEMPLATE_TEST_CASE("a NaN stays one, with its sign", "", BFloat16, Float16) {
  for (const uint32_t wide : {0x7fc00000u, 0x7f800001u, 0x7fffffffu, 0xffc00000u, 0xff800001u}) {
    const TestType narrow(std::bit_cast<float>(wide));
    CHECK(std::isnan(static_cast<float>(narrow)));
    CHECK((narrow.bits >> 15) == (wide >> 31));
  }
}

TEST_CASE("sizes, names and kinds of dtypes") {
  const auto is = [](DType dtype, size_t size, std::string_view name, bool floating) {
    CHECK(SizeOf(dtype) == size);
    CHECK(Name(dtype) == name);
    CHECK(IsFloating(dtype) == floating);
    DispatchAll(dtype, [&]<typename T>(T) {
      CHECK(DTypeOf<T>() == dtype);
      CHECK(sizeof(T) == size);
    });
  };
  is(DType::kF32, 4, "f32", true);
  is(DType::kF64, 8, "f64", true);
  is(DType::kBF16, 2, "bf16", true);
  is(DType::kF16, 2, "f16", true);
  is(DType::kI32, 4, "i32", false);
  is(DType::kI64, 8, "i64", false);
  is(DType::kU8, 1, "u8", false);
  is(DType::kBool, 1, "bool", false);
}

TEST_CASE("an op for floating dtypes names itself when it gets another") {
  CHECK(DispatchFloating(DType::kBF16, "Gelu",
                         []<typename T>(T) { return std::is_same_v<T, BFloat16>; }));
  CHECK_THROWS_WITH(DispatchFloating(DType::kI64, "Gelu", [](auto) {}),
                    "[Gelu] wants a floating dtype (f32, f64, bf16, f16), got i64");
}

}  // namespace
}  // namespace convoy
