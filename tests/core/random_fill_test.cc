// Drawn values against their formulas in the C library's terms, number by number of the blocks.
#include "core/random_fill.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <numbers>
#include <vector>

#include "tests/core/first_difference.h"
#include "tests/instruction_set.h"

namespace convoy {
namespace {

constexpr int64_t kValues = internal::kFillValues;

std::vector<double> Normals(const RandomStream& stream, uint64_t first_block, double mean = 0,
                            double stddev = 1) {
  double values[kValues];
  internal::FillNormal(stream, first_block, mean, stddev, values);
  return {values, values + kValues};
}

std::vector<double> Uniforms(const RandomStream& stream, uint64_t first_block) {
  double values[kValues];
  internal::FillUniform(stream, first_block, -3, 10, values);
  return {values, values + kValues};
}

// The place at which blocks with seed 0 give `wanted`: Philox backwards.
struct Place {
  RandomStream stream;
  uint64_t block;
};

Place PlaceOf(std::array<uint32_t, 4> wanted) {
  const auto inverse = [](uint32_t odd) {
    uint32_t x = odd;  // right in the lowest 3 bits; each step doubles them
    for (int i = 0; i < 4; ++i) x *= 2 - odd * x;
    return x;
  };
  auto [c0, c1, c2, c3] = wanted;
  for (uint32_t round = RandomStream::kRounds; round-- > 0;) {
    const uint32_t before0 = c3 * inverse(RandomStream::kMultiplier0);
    const uint32_t before2 = c1 * inverse(RandomStream::kMultiplier1);
    const uint64_t p0 = uint64_t{RandomStream::kMultiplier0} * before0;
    const uint64_t p1 = uint64_t{RandomStream::kMultiplier1} * before2;
    c1 = c0 ^ static_cast<uint32_t>(p1 >> 32) ^ round * RandomStream::kKeyStep0;
    c3 = c2 ^ static_cast<uint32_t>(p0 >> 32) ^ round * RandomStream::kKeyStep1;
    c0 = before0;
    c2 = before2;
  }
  return {{.seed = 0, .stream = uint64_t{c3} << 32 | c2}, uint64_t{c1} << 32 | c0};
}

TEST_CASE("normal values are those of Box-Muller to 2e-15 of their radius") {
  const RandomStream stream{.seed = 0x123456789abcdef, .stream = 0xfedcba987654321};
  const uint64_t first = uint64_t{1} << 33;
  double worst = 0;
  for (uint64_t fill = 0; fill < 4000; ++fill) {
    const uint64_t block = first + fill * internal::kFillBlocks;
    const std::vector<double> values = Normals(stream, block);
    for (size_t i = 0; i < values.size(); i += 2) {
      const auto bits = stream.Block(block + i / 4);
      const double u = (bits[i % 4] + 1.0) * 0x1p-32;
      const double angle = 2 * std::numbers::pi * (bits[i % 4 + 1] * 0x1p-32);
      const double radius = std::sqrt(-2 * std::log(u));
      worst = std::max(worst, std::abs(values[i] - radius * std::cos(angle)) / radius);
      worst = std::max(worst, std::abs(values[i + 1] - radius * std::sin(angle)) / radius);
    }
  }
  CHECK(worst < 2e-15);
}

TEST_CASE("the ends of the numbers' range give normal values without a flaw") {
  constexpr uint32_t kQuarter = 1u << 30, kLast = ~0u;
  const auto normals = [](std::array<uint32_t, 4> numbers) {
    const Place place = PlaceOf(numbers);
    REQUIRE(place.stream.Block(place.block) == numbers);
    std::vector<double> values = Normals(place.stream, place.block);
    values.resize(4);
    return values;
  };
  const double far = std::sqrt(-2 * std::log(0x1p-32));  // 6.66: the tails end here
  using Catch::Equals;
  CHECK_THAT(normals({0, 0, 0, kQuarter}), Equals(std::vector<double>{far, 0, 0, far}));
  CHECK_THAT(normals({0, 2 * kQuarter, 0, 3 * kQuarter}),
             Equals(std::vector<double>{-far, 0, 0, -far}));
  CHECK_THAT(normals({kLast, 0, kLast, 123456789}), Equals(std::vector<double>{0, 0, 0, 0}));
  // ln(1 - 2^-32), and the last angle before the full turn.
  const double near = std::sqrt(-2 * std::log1p(-0x1p-32));
  const std::vector<double> last = normals({kLast - 1, kLast, kLast - 1, kLast});
  CHECK(last[0] == Approx(near).epsilon(1e-15));
  CHECK(last[1] == Approx(-near * 2 * std::numbers::pi * 0x1p-32).epsilon(1e-15));
}

TEST_CASE("uniform values are those of the numbers' upper 24 bits, exactly") {
  const RandomStream stream{.seed = 5, .stream = uint64_t{7} << 32 | 8};
  std::vector<double> expected;
  for (size_t i = 0; i < kValues; ++i) {
    expected.push_back(-3 + 10 * double{ToUniform(stream.Block(9 + i / 4)[i % 4])});
  }
  CHECK(FirstDifference(Uniforms(stream, 9), expected) == "");
}

TEST_CASE("each instruction set that this processor has gives the same bits") {
  const RandomStream stream{.seed = 1, .stream = 2};
  for (uint64_t fill = 0; fill < 100; ++fill) {
    const uint64_t block = fill * internal::kFillBlocks;
    const std::vector<double> normals = Normals(stream, block, 0.1, 3);
    const std::vector<double> uniforms = Uniforms(stream, block);
    for (const int64_t target : hwy::SupportedAndGeneratedTargets()) {
      INFO("instruction set " << hwy::TargetName(target));
      const OnlyTarget only(target);
      REQUIRE(FirstDifference(Normals(stream, block, 0.1, 3), normals) == "");
      REQUIRE(FirstDifference(Uniforms(stream, block), uniforms) == "");
    }
  }
}

}  // namespace
}  // namespace convoy
