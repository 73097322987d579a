// Softmax, LogSoftmax and CrossEntropy of rows whose results are known by hand.
#include "ops/softmax.h"

#include <cmath>
#include <limits>

#include "tests/instruction_set.h"
#include "tests/ops/drivers.h"
#include "tests/ops/large_logits.h"

namespace convoy {
namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

TEST_CASE("one NaN makes a row NaN, and leaves the others") {
  for (const int64_t target : hwy::SupportedAndGeneratedTargets()) {
    INFO("instruction set " << hwy::TargetName(target));
    const OnlyTarget only(target);
    const Tensor x = Tensor::From<float>({2, 4}, {kNaN, 0, 1, 2, 0, 0, 0, 0});
    for (const Tensor& y : {Softmax(x), LogSoftmax(x)}) {
      const std::vector<float> values = y.ToVector<float>();
      for (size_t i = 0; i < 4; ++i) CHECK(std::isnan(values[i]));
      for (size_t i = 4; i < 8; ++i) CHECK_FALSE(std::isnan(values[i]));
    }
    CHECK(std::isnan(CrossEntropy(x, Tensor::From<int32_t>({2}, {3, 0})).Item<float>()));
    const Tensor counted = CrossEntropy(x, Tensor::From<int32_t>({2}, {3, 0}), {.ignore_index = 3});
    CHECK(counted.Item<float>() == Approx(std::log(4.0)));
  }
}

TEST_CASE("a large greatest logit or score costs no precision") {
  for (const int64_t target : hwy::SupportedAndGeneratedTargets()) {
    INFO("instruction set " << hwy::TargetName(target));
    const OnlyTarget only(target);
    CheckLargeLogits(Device::Cpu());
    CheckLargeScores(Device::Cpu());
  }
}

}  // namespace
}  // namespace convoy
