// What Dropout promises beyond the op table: which elements are dropped.
#include "ops/dropout.h"

#include <catch2/catch.hpp>
#include <limits>

#include "core/autograd.h"
#include "core/random.h"

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
  for (const float value : y) {
    CHECK_FALSE((value != 0 && value != 4));
    sum += value;
  }
  CHECK(sum / 100000 == Approx(3).epsilon(0.01));
}

TEST_CASE("a dropped element is 0 even if it was not finite") {
  const float infinity = std::numeric_limits<float>::infinity();
  for (const float value : Dropout(Tensor::Full({1000}, infinity), 0.5, {}).ToVector<float>()) {
    CHECK((value == 0 || value == infinity));
  }
}

TEST_CASE("a probability of 0 costs nothing") {
  const Tensor x = Tensor::Zeros({3});
  CHECK(Dropout(x, 0, {}).Is(x));
}

}  // namespace
}  // namespace convoy
