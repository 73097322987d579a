// Layer norm on a GPU: rows of every length that is cut differently, and at any place in memory.
#include "ops/norm.h"

#include "core/autograd.h"
#include "core/backend.h"
#include "ops/binary.h"
#include "tests/ops/cuda/helpers.h"

namespace convoy {
namespace {

Tensor SumAndNormJoined(Inputs in) {
  const SumAndNorm both = AddLayerNorm(in[0], in[1], in[2], in[3]);
  return Join(both.sum, both.normalized);
}

TEST_CASE("layer norm agrees with the CPU for rows in a warp, in a team of warps, in a block") {
  CONVOY_NEED_GPUS(1);
  // The last two of each: beyond what the registers of a block hold, in single elements and packs.
  const auto [dtype, lengths] =
      GENERATE(std::pair(DType::kBF16, std::vector<int64_t>{128, 768, 1032, 4096, 5001, 16640}),
               std::pair(DType::kF32, std::vector<int64_t>{128, 768, 5001, 12288}),
               std::pair(DType::kF64, std::vector<int64_t>{768, 5001, 12288}));
  for (const int64_t n : lengths) {
    const int64_t rows = n < 1000 ? 43 : 3;
    INFO(Name(dtype) << ", " << rows << " rows of " << n);
    const Tensor x = RandomValues({rows, n}, dtype, 1),
                 residual = RandomValues({rows, n}, dtype, 2);
    const Tensor weight = RandomValues({n}, dtype, 3), bias = RandomValues({n}, dtype, 4);
    CheckOnGpu([](Inputs in) { return LayerNorm(in[0], in[1], in[2]); }, {x, weight, bias});
    CheckOnGpu(SumAndNormJoined, {x, residual, weight, bias});
    CheckOnGpu([](Inputs in) { return RmsNorm(in[0], in[1]); }, {x, weight});
  }
}

TEST_CASE("more rows than backward's blocks take at a time") {
  CONVOY_NEED_GPUS(1);
  const int64_t n = GENERATE(8, 520);  // eight rows to a block, and four
  const int64_t rows = 264 * 8 + 13;
  CheckOnGpu([](Inputs in) { return LayerNorm(in[0], in[1], in[2]); },
             {RandomValues({rows, n}, DType::kF32, 1), RandomValues({n}, DType::kF32, 2),
              RandomValues({n}, DType::kF32, 3)});
}

TEST_CASE("rows whose squares overflow, beside others, in a warp and in teams of warps") {
  CONVOY_NEED_GPUS(1);
  const int64_t rows = 11;
  std::vector<double> sizes(rows, 1);
  for (size_t i = 0; i < sizes.size(); i += 3) sizes[i] = 0x1p100;
  const auto scaled = [&](const Tensor& x) {
    return x * FromDoubles({rows, 1}, sizes, x.dtype(), x.device());
  };
  for (const int64_t n : {8, 520, 2048, 5001}) {
    INFO("rows of " << n);
    const Tensor x = RandomValues({rows, n}, DType::kF32, 1);
    const Tensor weight = RandomValues({n}, DType::kF32, 2),
                 bias = RandomValues({n}, DType::kF32, 3);
    CheckOnGpu([&](Inputs in) { return LayerNorm(scaled(in[0]), in[1], in[2]); },
               {x, weight, bias});
    CheckOnGpu(
        [&](Inputs in) {
          return AddLayerNorm(scaled(in[0]), scaled(in[1]), in[2], in[3]).normalized;
        },
        {x, RandomValues({rows, n}, DType::kF32, 4), weight, bias});
    CheckOnGpu([&](Inputs in) { return RmsNorm(scaled(in[0]), in[1]); }, {x, weight});
  }
}

TEST_CASE("layer norm of rows that do not lie at multiples of 16 bytes") {
  CONVOY_NEED_GPUS(1);
  const Shape shape{5, 64};
  const Tensor x = RandomValues(shape, DType::kBF16, 1),
               weight = RandomValues({64}, DType::kBF16, 2);
  const Tensor whole = Tensor::Empty({5 * 64 + 1}, {DType::kBF16, Device::Cuda()});
  const Tensor moved = whole.View(shape, 1);
  moved.CopyFrom(x);
  const Tensor y = LayerNorm(moved, weight.To(Device::Cuda()));
  CHECK(Difference(y, LayerNorm(x, weight), AllowedError(DType::kBF16)) == "");
}

TEST_CASE("the gradient of a residual sum is added to where it lies") {
  CONVOY_NEED_GPUS(1);
  const TensorOptions options{DType::kF32, Device::Cuda()};
  const Tensor weight = Tensor::Full({256}, 1, options);
  Tensor x = Tensor::Full({64, 256}, 1, options);
  x.SetRequiresGrad();
  const SumAndNorm both = AddLayerNorm(Copy(x), Copy(x), weight);
  const Tensor out = Join(both.sum, both.normalized);
  Backend& backend = GetBackend(DeviceType::kCuda);
  const Tensor seed = RandomValues(x.shape(), DType::kF32, 1).To(Device::Cuda());
  const int64_t before = backend.Stats(Device::Cuda()).allocations;
  Backward(out, {.seed = seed});
  // The sum's gradient (the seed is the caller's, so it is copied once), the sums for weight and
  // bias, x's gradient and what Copy's second contribution comes in: no more.
  CHECK(backend.Stats(Device::Cuda()).allocations - before == 5);
}

}  // namespace
}  // namespace convoy
