// Embedding's backward on a GPU: uneven frequencies, large tables, what is touched.
#include "ops/embedding.h"

#include <cmath>

#include "core/autograd.h"
#include "core/backend.h"
#include "tests/ops/cuda/helpers.h"

namespace convoy {
namespace {

// `count` indices below `bound`, a third of them the same one, more of the small ones.
Tensor UnevenIndices(int64_t count, int64_t bound) {
  std::mt19937 generator(3);
  std::uniform_real_distribution<double> uniform;
  std::vector<int32_t> indices(static_cast<size_t>(count));
  for (int32_t& index : indices) {
    const double u = uniform(generator);
    const double at = uniform(generator) < 0.33 ? 0.5 : u * u * u;
    index = static_cast<int32_t>(at * static_cast<double>(bound));
  }
  return Tensor::From({count}, indices);
}

TEST_CASE("the gradient of a table agrees with the CPU") {
  CONVOY_NEED_GPUS(1);
  const auto lookup = [](Inputs in) { return Embedding(in[0], in[1]); };
  SECTION("rows in packs and in single elements, in one pass of the sort and two") {
    const DType dtype = GENERATE(DType::kF32, DType::kBF16);
    const int64_t n = GENERATE(37, 40, 520), rows = GENERATE(200, 3000);
    CheckOnGpu(lookup, {RandomValues({rows, n}, dtype, 1), UnevenIndices(1700, rows)});
  }
  SECTION("a list of several tiles, three passes of the sort") {
    CheckOnGpu(lookup, {RandomValues({70000, 4}, DType::kF32, 1), UnevenIndices(9001, 70000)});
  }
  SECTION("one row alone") {
    CheckOnGpu(lookup, {RandomValues({3, 8}, DType::kF64, 1),
                        Tensor::From({2500}, std::vector<int32_t>(2500, 1))});
  }
}

TEST_CASE("a table that has a gradient is touched only in the rows that occur") {
  CONVOY_NEED_GPUS(1);
  Tensor table = RandomValues({50, 24}, DType::kF32, 1).To(Device::Cuda());
  table.SetRequiresGrad();
  const float kMark = std::nanf("");
  std::vector<float> slot(50 * 24, kMark);
  std::fill_n(slot.begin() + 7 * 24, 24, 2.f);
  table.SetGradSlot(Tensor::From({50, 24}, slot, Device::Cuda()));
  const Tensor indices = Tensor::From<int32_t>({3}, {7, 7, 7}, Device::Cuda());
  const auto backward = [&] {
    const Tensor y = Embedding(table, indices);
    Backward(y, {.seed = Tensor::Full(y.shape(), 1, y.options())});
    return table.grad().ToVector<float>();
  };
  const auto row_is = [](const std::vector<float>& grad, float value) {
    return std::all_of(grad.begin() + 7 * 24, grad.begin() + 8 * 24,
                       [value](float x) { return x == value; });
  };
  MarkGradFresh(table);
  const std::vector<float> added = backward();
  CHECK(row_is(added, 5));
  CHECK(std::count_if(added.begin(), added.end(), [](float x) { return std::isnan(x); }) ==
        49 * 24);

  table.ZeroGrad();
  const std::vector<float> fresh = backward();
  CHECK(row_is(fresh, 3));
  CHECK(std::count(fresh.begin(), fresh.end(), 0.f) == 49 * 24);
}

TEST_CASE("an index out of range gives a NaN row, and no gradient") {
  CONVOY_NEED_GPUS(1);
  const int64_t rows = GENERATE(5, 256);
  Tensor table = Tensor::Full({rows, 8}, 1, {DType::kF32, Device::Cuda()});
  table.SetRequiresGrad();
  // What lies behind the gradient's rows must stay as it is.
  const Tensor slots = Tensor::Full({rows + 1, 8}, 7, table.options());
  table.SetGradSlot(slots.View({rows, 8}));
  const std::vector<int32_t> indices{1, static_cast<int32_t>(rows), 1, -1, 1 << 30};
  const Tensor y = Embedding(table, Tensor::From({5}, indices, Device::Cuda()));
  const std::vector<float> values = y.ToVector<float>();
  for (size_t i = 0; i < values.size(); ++i) {
    REQUIRE(std::isnan(values[i]) == (i / 8 != 0 && i / 8 != 2));
  }
  Backward(y, {.seed = Tensor::Full(y.shape(), 1, y.options())});
  std::vector<float> want(static_cast<size_t>(rows) * 8, 0.f);
  std::fill_n(want.begin() + 8, 8, 2.f);
  want.resize(want.size() + 8, 7.f);
  CHECK(slots.ToVector<float>() == want);
}

TEST_CASE("a recorded backward follows the indices of each replay") {
  CONVOY_NEED_GPUS(1);
  Tensor table = RandomValues({300, 16}, DType::kF32, 1).To(Device::Cuda());
  table.SetRequiresGrad();
  const Tensor indices = Tensor::Zeros({4000}, {DType::kI32, Device::Cuda()});
  const Tensor seed = RandomValues({4000, 16}, DType::kF32, 2).To(Device::Cuda());
  const auto backward = [&] {
    table.ZeroGrad();
    Backward(Embedding(table, indices), {.seed = seed});
  };
  backward();  // makes the gradient's slot
  const auto recording = GetBackend(DeviceType::kCuda).Record(Device::Cuda(), backward);
  indices.CopyFrom(UnevenIndices(4000, 300));
  recording->Replay();
  const std::vector<float> replayed = table.grad().ToVector<float>();
  backward();
  CHECK(replayed == table.grad().ToVector<float>());
}

}  // namespace
}  // namespace convoy
