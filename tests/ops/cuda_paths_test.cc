// The ways through the kernels that the samples of the op table, most of them small and odd, do not
// take: packs, memory that is not aligned for them, chunks, wide units.
#include "ops/binary.h"
#include "ops/cast.h"
#include "ops/cuda/divider.h"
#include "ops/dropout.h"
#include "ops/linear.h"
#include "ops/reduce.h"
#include "ops/shape_ops.h"
#include "ops/unary.h"
#include "tests/gpu.h"
#include "tests/ops/cuda_checks.h"
#include "tests/ops/drivers.h"

namespace convoy {
namespace {

const std::vector<DType> kFloating = {DType::kF64, DType::kF32, DType::kBF16, DType::kF16};

// All that is checked of an op on a GPU, of samples that belong to no row.
void Check(const std::vector<Sample>& samples, const std::vector<DType>& dtypes = kFloating) {
  CONVOY_NEED_GPUS(1);
  const OpSpec row{.op = "paths"};
  for (const Sample& sample : samples) {
    DYNAMIC_SECTION(sample.name) {
      for (const DType dtype : dtypes) {
        INFO("dtype " << Name(dtype));
        CheckAgainstCpu(row, sample, dtype);
        CheckAccumulation(row, sample, dtype);
        CheckDestinations(row, sample, dtype);
      }
    }
  }
}

// A view of x whose first element is not aligned for packs.
Tensor Shifted(const Tensor& x) { return Slice(x, 0, 1, x.dim(0)); }

TEST_CASE("CUDA: element-wise kernels by packs and without") {
  const auto mul = [](Inputs in) { return Mul(in[0], in[1]); };
  Check({
      {"rows of packs, a row", {Float({6, 64}), Float({64})}, mul},
      {"rows of packs, a column", {Float({6, 64}), Float({6, 1})}, mul},
      {"rows of packs, column first", {Float({6, 1}), Float({6, 64})}, mul},
      {"rows of packs, one element", {Float({6, 64}), Float({1, 1})}, mul},
      {"rows of packs in three dimensions", {Float({2, 3, 64}), Float({2, 1, 64})}, mul},
      {"rows of packs, most stretched", {Float({3, 1, 16}), Float({1, 5, 1})}, mul},
      {"five dimensions", {Float({2, 1, 3, 1, 2}), Float({1, 3, 1, 2, 1})}, mul},
      {"a gradient of two numbers, stretched",
       {Float({4, 32}, 0.5, 2), Float({32}, 0.5, 2)},
       [](Inputs in) { return Div(in[0], in[1]); }},
      {"condition by packs",
       {Bool({32}), Float({3, 32}), Float({3, 1})},
       [](Inputs in) { return Where(in[0], in[1], in[2]); }},
      {"not aligned", {Float({132})}, [](Inputs in) { return Gelu(Shifted(in[0])); }},
      {"one of two not aligned",
       {Float({128}), Float({129})},
       [](Inputs in) { return Mul(in[0], Shifted(in[1])); }},
      {"packs and a rest", {Float({1027})}, [](Inputs in) { return Tanh(in[0]); }},
  });
}

TEST_CASE("CUDA: Linear's passes with packs, and rows in chunks") {
  Check({
      {"a row of packs",
       {Float({600, 2}), Float({64, 2}), Float({64})},
       [](Inputs in) { return Linear(in[0], in[1], in[2], Activation::kGelu); }},
      {"columns that are few",
       {Float({2200, 2}), Float({3, 2}), Float({3})},
       [](Inputs in) { return Linear(in[0], in[1], in[2], Activation::kRelu); }},
      {"no activation",
       {Float({300, 2}), Float({40, 2}), Float({40})},
       [](Inputs in) { return Linear(in[0], in[1], in[2]); }},
  });
}

TEST_CASE("CUDA: permutations by tiles, runs and wide units") {
  const auto permute = [](std::vector<int> axes) {
    return [axes](Inputs in) { return Permute(in[0], axes); };
  };
  Check({
      {"more than a tile", {Float({70, 130})}, permute({1, 0})},
      {"matrices of tiles", {Float({2, 3, 40, 33})}, permute({1, 3, 0, 2})},
      {"a short side", {Float({50, 3})}, permute({1, 0})},
      {"the other side short", {Float({3, 50})}, permute({1, 0})},
      {"pairs", {Float({40, 35, 2})}, permute({1, 0, 2})},
      {"fours", {Float({9, 35, 4})}, permute({1, 0, 2})},
      {"eights", {Float({9, 35, 8})}, permute({1, 0, 2})},
      {"runs of packs", {Float({5, 7, 24})}, permute({1, 0, 2})},
      {"runs of no pack", {Float({5, 7, 23})}, permute({1, 0, 2})},
      {"not aligned",
       {Float({36, 36})},
       [](Inputs in) {
         return Transpose(Reshape(Shifted(Reshape(in[0], {1296})), {35, 37}));
       }},
      {"runs, not aligned",
       {Float({121})},
       [](Inputs in) {
         return Permute(Reshape(Shifted(in[0]), {3, 5, 8}), {1, 0, 2});
       }},
  });
}

TEST_CASE("CUDA: slices by packs and without") {
  const auto slice = [](int axis, int64_t begin, int64_t end) {
    return [=](Inputs in) { return Slice(in[0], axis, begin, end); };
  };
  Check({
      {"packs", {Float({5, 6, 16})}, slice(1, 2, 5)},
      {"packs of a row", {Float({5, 64})}, slice(1, 16, 48)},
      {"no packs", {Float({5, 65})}, slice(1, 16, 48)},
      {"many", {Float({70, 33, 3})}, slice(1, 1, 32)},
      {"joined packs", {Float({5, 16}), Float({5, 32})}, [](Inputs in) { return Concat(in, 1); }},
      {"rows into a part", {Float({40, 5})}, slice(0, 7, 39)},
  });
}

TEST_CASE("CUDA: reductions by lanes, blocks and chunks") {
  for (const bool max : {false, true}) {
    const auto over = [max](int axis) {
      return [=](Inputs in) { return max ? Max(in[0], {axis}) : Sum(in[0], {axis}); };
    };
    DYNAMIC_SECTION((max ? "Max" : "Sum")) {
      Check({
          {"rows of a few packs", {Float({37, 24})}, over(1)},
          {"rows of a warp", {Float({5, 1200})}, over(1)},
          {"a row of a block", {Float({2, 4000})}, over(1)},
          {"a row of chunks", {Float({2, 33000})}, over(1)},
          {"chunks, odd", {Float({16391})}, over(0)},
          {"columns of packs", {Float({300, 64})}, over(0)},
          {"columns in chunks", {Float({4000, 3})}, over(0)},
          {"columns of packs in chunks", {Float({1100, 32})}, over(0)},
          {"matrices", {Float({3, 70, 16})}, over(1)},
      });
    }
  }
}

TEST_CASE("CUDA: ArgMax by a block, and among NaNs") {
  CONVOY_NEED_GPUS(1);
  std::vector<double> values(3 * 2500, 1);
  values[700] = values[2100] = 2;                           // the first of equals
  values[2500 + 2499] = 3;                                  // the last of all
  values[5000 + 1900] = values[5000 + 311] = std::nan("");  // the first NaN
  values[5000 + 10] = std::numeric_limits<double>::infinity();
  for (const DType dtype : kFloating) {
    const Tensor x = FromDoubles({3, 2500}, values, dtype, Device::Cuda());
    CHECK(ArgMax(x, 1).ToVector<int64_t>() == std::vector<int64_t>{700, 2499, 311});
    CHECK(ArgMax(Transpose(x), 0).ToVector<int64_t>() == std::vector<int64_t>{700, 2499, 311});
  }
}

TEST_CASE("CUDA: ArgMax finds what any warp of a block holds") {
  CONVOY_NEED_GPUS(1);
  constexpr int64_t kRows = 17, kCount = 2500;
  std::vector<double> values(kRows * kCount, 1);
  std::vector<int64_t> places;
  for (int64_t row = 0; row < kRows; ++row) {  // every warp of 32 threads has some
    places.push_back(row * (128 + 16) + row % 3);
    values[static_cast<size_t>(row * kCount + places.back())] = 2;
  }
  const Tensor x = FromDoubles({kRows, kCount}, values, DType::kF32, Device::Cuda());
  CHECK(ArgMax(x, 1).ToVector<int64_t>() == places);
}

TEST_CASE("CUDA: Dropout drops the elements that the CPU drops") {
  CONVOY_NEED_GPUS(1);
  const OpSpec row{.op = "paths"};
  for (const int64_t n : {1, 4096, 5003}) {
    for (const bool shifted : {false, true}) {
      const Sample sample{"dropout", {Float({n + 1})}};
      const RunFunction run = [&](Inputs in) {
        const RandomStream stream{.seed = 0x123456789abcdef0, .stream = 0xfedcba9876543210};
        return Dropout(shifted ? Shifted(in[0]) : in[0], 0.3, stream);
      };
      for (const DType dtype : kFloating) {
        INFO(n << " elements, " << Name(dtype) << (shifted ? ", not aligned" : ""));
        const Result gpu = Evaluate(run, MakeInputs(row, sample, dtype, Device::Cuda()), {true});
        CHECK(BitDifference(gpu, Evaluate(run, MakeInputs(row, sample, dtype), {true})) == "");
      }
    }
  }
}

TEST_CASE("CUDA: Cast from every dtype to every other gives the CPU's bits") {
  CONVOY_NEED_GPUS(1);
  const double inf = std::numeric_limits<double>::infinity();
  const std::vector<DType> all = {DType::kF32, DType::kF64, DType::kBF16, DType::kF16,
                                  DType::kI32, DType::kI64, DType::kU8,   DType::kBool};
  std::vector<double> values = {0, -0.0, 0.5, -1.75, 1.75, 127, 128, 255, 256, 300, -1, 3e9, -3e9,
                                1e19, -1.25e19, 65519, 65520, 1e-7,
                                // The greatest integers, rounded up to a floating dtype.
                                0x1p31, 0x1p63};
  while (values.size() < 67) values.push_back(static_cast<double>(values.size()) * 1.37 - 40);
  for (const DType from : all) {
    std::vector<double> fitting = values;
    if (IsFloating(from)) {
      fitting.insert(fitting.end(), {inf, -inf, std::nan("")});
    } else {
      for (double& value : fitting) value = std::clamp(value, -2e9, 2e9);
    }
    const Tensor x = FromDoubles({static_cast<int64_t>(fitting.size())}, fitting, from);
    for (const DType to : all) {
      INFO(Name(from) << " to " << Name(to));
      CHECK(Difference(Cast(x.To(Device::Cuda()), to), Cast(x, to), 0) == "");
    }
  }
}

TEST_CASE("CUDA: division by multiplication") {
  const int64_t max = INT32_MAX;
  for (const int64_t d : {int64_t{1}, int64_t{2}, int64_t{3}, int64_t{7}, int64_t{641}, max / 2,
                          max - 1, max, max + 1, 5 * max}) {
    const cuda::Divider divider(d);
    for (const int64_t near : {int64_t{0}, d, 2 * d, 77 * d, max / d * d, max, 3 * max}) {
      for (int64_t n = std::max<int64_t>(near - 1, 0); n <= near + 1; ++n) {
        INFO(n << " / " << d);
        CHECK(divider.Quotient(n) == n / d);
      }
    }
  }
}

}  // namespace
}  // namespace convoy
