// Cross-entropy on a GPU: vocabularies, rows at any place in memory, labels out of range, and the
// gradient in the logits' memory.
#include "ops/loss.h"

#include <cmath>

#include "core/autograd.h"
#include "core/backend.h"
#include "tests/ops/cuda/helpers.h"

namespace convoy {
namespace {

TEST_CASE("cross-entropy over a vocabulary agrees with the CPU") {
  CONVOY_NEED_GPUS(1);
  const DType dtype = GENERATE(DType::kBF16, DType::kF32);
  // Rows of 50257 begin anywhere; 1100 is the work of a block as well.
  const int64_t classes = GENERATE(1100, 50257, 50304);
  const Tensor labels = Tensor::From<int32_t>(
      {5}, {0, -100, static_cast<int32_t>(classes - 1), 777, static_cast<int32_t>(classes / 2)});
  CheckOnGpu([](Inputs in) { return CrossEntropy(in[0], in[1], {.ignore_index = -100}); },
             {RandomValues({5, classes}, dtype, 1), labels});
}

TEST_CASE("a label out of range gives a NaN loss and a NaN row") {
  CONVOY_NEED_GPUS(1);
  const int64_t classes = GENERATE(37, 1500);
  Tensor logits = RandomValues({4, classes}, DType::kF32, 1).To(Device::Cuda());
  logits.SetRequiresGrad();
  const std::vector<int32_t> labels{1, static_cast<int32_t>(classes), -1, 2};
  const Tensor loss = CrossEntropy(logits, Tensor::From({4}, labels, Device::Cuda()));
  CHECK(std::isnan(loss.Item<float>()));
  loss.Backward();
  const std::vector<float> grad = logits.grad().ToVector<float>();
  for (size_t i = 0; i < grad.size(); ++i) {
    const size_t row = i / static_cast<size_t>(classes);
    INFO("row " << row);
    REQUIRE(std::isnan(grad[i]) == (row == 1 || row == 2));
  }
}

// Allocations on the GPU in a backward of CrossEntropy; `keep` gets the logits.
int64_t AllocationsOfBackward(Tensor* keep, std::vector<float>* gradient) {
  Tensor x = RandomValues({6, 50257}, DType::kF32, 1).To(Device::Cuda());
  x.SetRequiresGrad();
  Tensor logits = Copy(x);
  const Tensor labels = Tensor::From<int32_t>({6}, {1, 2, 3, 4, 5, 50256}, Device::Cuda());
  const Tensor loss = CrossEntropy(logits, labels);
  if (keep != nullptr) *keep = logits;
  logits = Tensor();
  Backend& backend = GetBackend(DeviceType::kCuda);
  const int64_t before = backend.Stats(Device::Cuda()).allocations;
  loss.Backward();
  const int64_t allocations = backend.Stats(Device::Cuda()).allocations - before;
  *gradient = x.grad().ToVector<float>();
  return allocations;
}

TEST_CASE("the gradient of logits that nobody holds takes their memory") {
  CONVOY_NEED_GPUS(1);
  Tensor logits;
  std::vector<float> gradient, separate;
  const int64_t in_place = AllocationsOfBackward(nullptr, &gradient);
  CHECK(AllocationsOfBackward(&logits, &separate) == in_place + 1);
  CHECK(gradient == separate);
  CHECK(BitDifference({logits.To(Device::Cpu()), {}},
                      {RandomValues({6, 50257}, DType::kF32, 1), {}}) == "");
}

}  // namespace
}  // namespace convoy
