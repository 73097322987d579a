// What Dropout promises beyond the op table: which elements are dropped.
#include "ops/dropout.h"

#include <catch2/catch.hpp>
#include <limits>
#include <set>

#include "core/autograd.h"
#include "core/random.h"
#include "tests/ops/evaluate.h"

namespace convoy {
namespace {

TEST_CASE("element i is dropped by number i of the stream, in every dtype") {
  const RandomStream stream{.seed = 0x123456789abcdef0, .stream = 0xfedcba9876543210};
  const int64_t n = 5001;
  for (const DType dtype : {DType::kF32, DType::kF64, DType::kBF16, DType::kF16}) {
    for (const double p : {0.1, 0.5, 0.999}) {
      Tensor x = Tensor::Full({n}, 1, {dtype});
      x.SetRequiresGrad();
      const Tensor y = Dropout(x, p, stream);
      Backward(y, {.seed = Tensor::Full({n}, 1, {dtype})});
      const auto dropped = [dtype](const Tensor& t, size_t i) {
        return DispatchFloating(dtype, "test", [&]<typename T>(T) {
          return static_cast<ComputeType<T>>(t.data<T>()[i]) == 0;
        });
      };
      int wrong = 0;
      for (size_t i = 0; i < static_cast<size_t>(n); ++i) {
        const bool expected = double{ToUniform(stream.Block(i / 4)[i % 4])} < p;
        wrong += dropped(y, i) != expected || dropped(x.grad(), i) != expected;
      }
      INFO(Name(dtype) << ", p = " << p);
      CHECK(wrong == 0);
    }
  }
}

TEST_CASE("what is kept is scaled so that the mean stays") {
  const auto y = Dropout(Tensor::Full({100000}, 3), 0.25, {.seed = 1}).ToVector<float>();
  double sum = 0;
  std::set<float> values;
  for (const float value : y) {
    values.insert(value);
    sum += value;
  }
  CHECK(values == std::set<float>{0, 4});
  CHECK(sum / 100000 == Approx(3).epsilon(0.01));
}

TEST_CASE("a dropped element is 0 even if it was not finite") {
  const float infinity = std::numeric_limits<float>::infinity();
  const auto y = Dropout(Tensor::Full({1000}, infinity), 0.5, {}).ToVector<float>();
  CHECK(std::set<float>(y.begin(), y.end()) == std::set<float>{0, infinity});
}

TEST_CASE("the number right below the probability drops, the one right above it keeps") {
  // 0.1 is 1677721.6 steps of 2^-24. Of seed 1, number 0 of stream 1851041 is 1677721 steps, and
  // number 2 of stream 1261113 is 1677722.
  const RandomStream below{.seed = 1, .stream = 1851041}, above{.seed = 1, .stream = 1261113};
  REQUIRE(below.Block(0)[0] >> 8 == 1677721);
  REQUIRE(above.Block(0)[2] >> 8 == 1677722);
  for (const DType dtype : {DType::kF32, DType::kF64}) {
    INFO(Name(dtype));
    const Tensor ones = Tensor::Full({4}, 1, {dtype});
    CHECK(ToDoubles(Dropout(ones, 0.1, below))[0] == 0);
    CHECK(ToDoubles(Dropout(ones, 0.1, above))[2] == Approx(1 / 0.9));
  }
}

TEST_CASE("a probability of 0 costs nothing") {
  const Tensor x = Tensor::Zeros({3});
  CHECK(Dropout(x, 0, {}).Is(x));
}

}  // namespace
}  // namespace convoy
