// Random numbers: the published vectors of Philox, moments, permutations, independence of threads.
#include "core/random.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <map>
#include <numeric>

#include "core/base/error.h"
#include "core/threads.h"
#include "tests/core/first_difference.h"

namespace convoy {
namespace {

using Block = std::array<uint32_t, 4>;

TEST_CASE("Philox4x32-10 gives the known answers of Random123") {
  CHECK(RandomStream{.seed = 0, .stream = 0}.Block(0) ==
        Block{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  CHECK(RandomStream{.seed = ~uint64_t{0}, .stream = ~uint64_t{0}}.Block(~uint64_t{0}) ==
        Block{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  // Digits of pi: counter 243f6a88 85a308d3 13198a2e 03707344, key a4093822 299f31d0.
  CHECK(RandomStream{.seed = 0x299f31d0a4093822, .stream = 0x0370734413198a2e}.Block(
            0x85a308d3243f6a88) == Block{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

// The first numbers of a stream, in order.
std::vector<uint32_t> Numbers(const RandomStream& stream, size_t count) {
  std::vector<uint32_t> numbers;
  for (uint64_t block = 0; numbers.size() < count; ++block) {
    for (const uint32_t number : stream.Block(block)) numbers.push_back(number);
  }
  numbers.resize(count);
  return numbers;
}

TEST_CASE("element i of a drawn tensor comes from number i of its stream") {
  // More than three times what is made at a time (256), and part of another.
  constexpr size_t kCount = 1000;
  const Tensor uniform = Tensor::Empty({kCount}, {DType::kF64});
  const Tensor normal = Tensor::Empty({kCount}, {DType::kF64});
  Random random(77);
  random.Uniform(uniform, -1, 3);
  random.Normal(normal, 5, 0.5);
  const std::vector<uint32_t> first = Numbers({.seed = 77, .stream = 0}, kCount);
  const std::vector<uint32_t> second = Numbers({.seed = 77, .stream = 1}, kCount);
  std::vector<double> uniforms, normals;
  for (size_t i = 0; i < kCount; ++i) uniforms.push_back(-1 + 4 * ((first[i] >> 8) * 0x1p-24));
  for (size_t i = 0; i < kCount; i += 2) {  // Box-Muller on neighbours
    const double radius = 0.5 * std::sqrt(-2 * std::log((second[i] + 1.0) * 0x1p-32));
    const double angle = 2 * std::acos(-1.0) * (second[i + 1] * 0x1p-32);
    normals.push_back(5 + radius * std::cos(angle));
    normals.push_back(5 + radius * std::sin(angle));
  }
  CHECK(FirstDifference(uniform.ToVector<double>(), uniforms) == "");
  std::vector<double> near = normal.ToVector<double>();
  for (size_t i = 0; i < kCount; ++i) {  // to what the C library's functions may be off
    if (std::abs(near[i] - normals[i]) < 1e-14) near[i] = normals[i];
  }
  CHECK(FirstDifference(near, normals) == "");
  // Of the published vector for seed 0 itself.
  const Tensor known = Tensor::Empty({4}, {DType::kF64});
  Random(0).Uniform(known, 0, 1);
  CHECK_THAT(
      known.ToVector<double>(),
      Catch::Equals(std::vector<double>{0x6627e8p-24, 0xe169c5p-24, 0xbc57acp-24, 0x9b00dbp-24}));
}

TEST_CASE("integers and permutations take two numbers each, lower half first") {
  constexpr int64_t kBound = 1'000'000'007;
  const std::vector<uint32_t> numbers = Numbers({.seed = 0, .stream = 0}, 20);
  std::vector<int64_t> integers;
  for (size_t i = 0; i < 20; i += 2) {
    const uint64_t wide = uint64_t{numbers[i + 1]} << 32 | numbers[i];
    integers.push_back(static_cast<int64_t>(wide % kBound));
  }
  CHECK(0xe169c58d6627e8d5 % kBound == static_cast<uint64_t>(integers[0]));  // the known answer
  CHECK_THAT(Random(0).Integers(10, kBound), Catch::Equals(integers));
  // Fisher-Yates: place 4 goes with the first modulo 5, then place 3 with the second modulo 4.
  std::vector<int64_t> order = {0, 1, 2, 3, 4};
  for (size_t i = 4; i > 0; --i) {
    const uint64_t wide = uint64_t{numbers[2 * (4 - i) + 1]} << 32 | numbers[2 * (4 - i)];
    std::swap(order[i], order[wide % (i + 1)]);
  }
  CHECK_THAT(Random(0).Permutation(5), Catch::Equals(order));
}

struct Moments {
  double mean = 0, variance = 0, kurtosis = 0, min = HUGE_VAL, max = -HUGE_VAL;
};

Moments MomentsOf(const std::vector<float>& values) {
  Moments m;
  const auto n = static_cast<double>(values.size());
  for (const double x : values) {
    m.mean += x / n;
    m.min = std::min(m.min, x);
    m.max = std::max(m.max, x);
  }
  double fourth = 0;
  for (const double x : values) {
    m.variance += (x - m.mean) * (x - m.mean) / n;
    fourth += std::pow(x - m.mean, 4) / n;
  }
  m.kurtosis = fourth / (m.variance * m.variance);
  return m;
}

TEST_CASE("uniform values fill their interval evenly") {
  const Tensor t = Tensor::Empty({200003});
  Random(1).Uniform(t, -1, 3);
  const Moments m = MomentsOf(t.ToVector<float>());
  CHECK(m.mean == Approx(1).margin(0.01));
  CHECK(m.variance == Approx(16.0 / 12).margin(0.01));
  CHECK(m.kurtosis == Approx(1.8).margin(0.02));
  CHECK(m.min >= -1);
  CHECK(m.min < -0.999);
  CHECK(m.max <= 3);
  CHECK(m.max > 2.999);
}

TEST_CASE("normal values have the mean, spread and tails asked for") {
  const Tensor t = Tensor::Empty({200003});
  Random(2).Normal(t, 5, 0.5);
  const Moments m = MomentsOf(t.ToVector<float>());
  CHECK(m.mean == Approx(5).margin(0.005));
  CHECK(m.variance == Approx(0.25).margin(0.005));
  CHECK(m.kurtosis == Approx(3).margin(0.06));
  CHECK(m.max > 5 + 4 * 0.5);
  CHECK(m.max < 5 + 6 * 0.5);
}

TEST_CASE("every floating dtype gets the same numbers, rounded") {
  const Tensor wide = Tensor::Empty({100}, {DType::kF64});
  Random(3).Normal(wide, 0, 1);
  const Tensor f32 = Tensor::Empty({100});
  Random(3).Normal(f32, 0, 1);
  const Tensor bf16 = Tensor::Empty({100}, {DType::kBF16});
  Random(3).Normal(bf16, 0, 1);
  for (size_t i = 0; i < 100; ++i) {
    const auto value = static_cast<float>(wide.data<double>()[i]);
    CHECK(f32.data<float>()[i] == value);
    CHECK(bf16.data<BFloat16>()[i].bits == BFloat16(value).bits);
  }
  CHECK_THROWS_WITH(Random(3).Normal(Tensor::Empty({1}, {DType::kI32}), 0, 1),
                    "[Random] wants a floating dtype (f32, f64, bf16, f16), got i32");
}

TEST_CASE("numbers depend on seed and call, never on the number of threads") {
  std::vector<std::vector<float>> runs;
  for (const int threads : {1, 2, 3}) {
    SetCpuThreads(threads);
    Random random(4);
    const Tensor first = Tensor::Empty({50001});
    const Tensor second = Tensor::Empty({50001});
    random.Normal(first, 0, 1);
    random.Normal(second, 0, 1);
    CHECK(first.ToVector<float>() != second.ToVector<float>());
    runs.push_back(second.ToVector<float>());
  }
  SetCpuThreads(0);
  CHECK(runs[0] == runs[1]);
  CHECK(runs[0] == runs[2]);
  const Tensor other = Tensor::Empty({50001});
  Random(5, /*first_stream=*/1).Normal(other, 0, 1);
  CHECK(other.ToVector<float>() != runs[0]);
  Random(4, /*first_stream=*/1).Normal(other, 0, 1);
  CHECK(other.ToVector<float>() == runs[0]);
}

TEST_CASE("a permutation holds each number once, the same for a seed") {
  for (const int64_t n : {0, 1, 2, 1000}) {
    std::vector<int64_t> order = Random(6).Permutation(n);
    CHECK(order == Random(6).Permutation(n));
    std::sort(order.begin(), order.end());
    std::vector<int64_t> counting(static_cast<size_t>(n));
    std::iota(counting.begin(), counting.end(), int64_t{0});
    CHECK(FirstDifference(order, counting) == "");
  }
  CHECK(Random(6).Permutation(1000) != Random(7).Permutation(1000));
}

TEST_CASE("every order of three numbers is as likely as any other") {
  Random random(8);
  std::map<std::vector<int64_t>, int> counts;
  for (int i = 0; i < 6000; ++i) ++counts[random.Permutation(3)];
  CHECK(counts.size() == 6);
  for (const auto& [order, count] : counts) CHECK(count == Approx(1000).margin(120));
}

TEST_CASE("integers lie below their bound") {
  const std::vector<int64_t> values = Random(9).Integers(30000, 3);
  for (const int64_t wanted : {0, 1, 2}) {
    CHECK(std::count(values.begin(), values.end(), wanted) == Approx(10000).margin(400));
  }
  CHECK(Random(9).Integers(0, 3).empty());
  CHECK_THROWS_WITH(Random(9).Integers(1, 0), "[Random] Integers wants a bound over 0, got 0");
}

}  // namespace
}  // namespace convoy
