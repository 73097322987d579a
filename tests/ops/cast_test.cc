// Cast: gradients, limits and rounding, which the op table does not show.
#include "ops/cast.h"

#include <limits>
#include <vector>

#include "core/autograd.h"
#include "tests/ops/drivers.h"

namespace convoy {
namespace {

TEST_CASE("Cast to the dtype that a tensor has is the tensor") {
  const Tensor x = Tensor::Zeros({3});
  CHECK(Cast(x, DType::kF32).Is(x));
}

TEST_CASE("the gradient of a cast is cast back") {
  for (const DType from : {DType::kF32, DType::kF64, DType::kBF16, DType::kF16}) {
    for (const DType to : {DType::kF32, DType::kF64, DType::kBF16, DType::kF16}) {
      INFO(Name(from) << " to " << Name(to));
      Tensor x = FromDoubles({5}, {-2, -0.5, 0, 0.25, 3}, from).SetRequiresGrad();
      const std::vector<double> gradient = {1, -2, 3, 0.5, -0.25};
      for (int i = 1; i <= 2; ++i) {
        const Tensor y = Cast(x, to);
        CHECK(ToDoubles(y) == ToDoubles(x));
        Backward(y, {.seed = FromDoubles({5}, gradient, to)});
        CHECK(x.grad().dtype() == from);
        std::vector<double> expected = gradient;  // the second Backward adds
        for (double& value : expected) value *= i;
        CHECK(ToDoubles(x.grad()) == expected);
      }
    }
  }
}

TEST_CASE("a cast to integers cuts the graph") {
  const Tensor x = Tensor::Zeros({3}).SetRequiresGrad();
  CHECK_FALSE(Cast(x, DType::kI64).requires_grad());
}

TEST_CASE("floating to integer truncates, and stops at the limits") {
  const float inf = std::numeric_limits<float>::infinity();
  const Tensor x = Tensor::From({6}, std::vector<float>{-inf, -1.9f, 1.9f, 300, inf, NAN});
  CHECK(Cast(x, DType::kU8).ToVector<uint8_t>() == std::vector<uint8_t>{0, 0, 1, 255, 255, 0});
  constexpr int32_t kLow = std::numeric_limits<int32_t>::min();
  constexpr int32_t kHigh = std::numeric_limits<int32_t>::max();
  CHECK(Cast(x, DType::kI32).ToVector<int32_t>() ==
        std::vector<int32_t>{kLow, -1, 1, 300, kHigh, 0});
  CHECK(Cast(x, DType::kI64).ToVector<int64_t>() ==
        std::vector<int64_t>{std::numeric_limits<int64_t>::min(), -1, 1, 300,
                             std::numeric_limits<int64_t>::max(), 0});
  CHECK(Cast(x, DType::kBool).ToVector<bool>() ==
        std::vector<bool>{true, true, true, true, true, true});
}

TEST_CASE("integers and bool convert to every dtype") {
  const Tensor x = Tensor::From({3}, std::vector<int32_t>{0, 1, 200});
  for (const DType to :
       {DType::kF32, DType::kF64, DType::kBF16, DType::kF16, DType::kI64, DType::kU8}) {
    INFO(Name(to));
    CHECK(ToDoubles(Cast(x, to)) == std::vector<double>{0, 1, 200});
    CHECK(ToDoubles(Cast(Cast(x, DType::kBool), to)) == std::vector<double>{0, 1, 1});
  }
}

TEST_CASE("16-bit casts round to nearest even at any position of an array") {
  std::vector<float> values(37, 1.0f + 0x1p-8f);  // halfway between bf16 neighbours
  for (size_t i = 1; i < values.size(); i += 2) values[i] = 1.0f + 3 * 0x1p-8f;
  const std::vector<double> rounded = ToDoubles(Cast(Tensor::From({37}, values), DType::kBF16));
  for (size_t i = 0; i < rounded.size(); ++i) {
    CHECK(rounded[i] == (i % 2 == 0 ? 1.0 : 1.0 + 0x1p-6));
  }
}

}  // namespace
}  // namespace convoy
