// Norms of rows whose squares leave the range of the type that they are computed in.
#include "ops/norm.h"

#include <cmath>
#include <limits>

#include "ops/binary.h"
#include "tests/ops/destinations.h"
#include "tests/ops/drivers.h"

namespace convoy {
namespace {

// x (3, 19) times `size` row by row: what each norm makes of it, and of its gradient.
struct Norm {
  const char* name;
  Tensor (*run)(Inputs in, const Tensor& sizes, double eps);
};
const Norm kNorms[] = {
    {"LayerNorm", [](Inputs in, const Tensor& sizes,
                     double eps) { return LayerNorm(in[0] * sizes, in[1], in[2], eps); }},
    {"LayerNorm without bias", [](Inputs in, const Tensor& sizes,
                                  double eps) { return LayerNorm(in[0] * sizes, in[1], {}, eps); }},
    {"AddLayerNorm",
     [](Inputs in, const Tensor& sizes, double eps) {
       const Tensor x = in[0] * sizes;
       return AddLayerNorm(x * 0.25, x * 0.75, in[1], in[2], eps).normalized;
     }},
    {"RmsNorm",
     [](Inputs in, const Tensor& sizes, double eps) { return RmsNorm(in[0] * sizes, in[1], eps); }},
};

TEST_CASE("norms do not depend on the size of a row, even if its squares overflow") {
  for (const DType dtype : {DType::kF32, DType::kBF16, DType::kF64}) {
    const double huge = dtype == DType::kF64 ? 0x1p900 : 0x1p100;
    std::vector<double> values;
    for (int i = 0; i < 3 * 19; ++i) values.push_back((i * 37 % 61 - 30) / 32.0 + 2);
    const std::vector<Tensor> inputs = {
        FromDoubles({3, 19}, values, dtype),
        FromDoubles({19}, std::vector<double>(values.begin(), values.begin() + 19), dtype),
        FromDoubles({19}, std::vector<double>(values.begin() + 19, values.begin() + 38), dtype)};
    std::vector<Tensor> exact_inputs;
    for (const Tensor& input : inputs) exact_inputs.push_back(Convert(input, DType::kF64));
    for (const Norm& norm : kNorms) {
      INFO(norm.name << ", " << Name(dtype));
      const bool has_bias = std::string(norm.name).find("LayerNorm") != std::string::npos &&
                            std::string(norm.name).find("without") == std::string::npos;
      const std::vector<bool> wants = {true, true, has_bias};
      const Tensor sizes = FromDoubles({3, 1}, {1, huge, 1 / 1024.0}, dtype);
      const Tensor ones = FromDoubles({3, 1}, {1, 1, 1}, DType::kF64);
      const auto run = [&](Inputs in) { return norm.run(in, sizes, 0); };
      const auto exact = [&](Inputs in) { return norm.run(in, ones, 0); };
      const double tolerance = dtype == DType::kBF16 ? 3e-2 : dtype == DType::kF32 ? 1e-5 : 1e-13;
      CHECK(Difference(Evaluate(run, inputs, wants), Evaluate(exact, exact_inputs, wants),
                       tolerance) == "");
    }
  }
}

TEST_CASE("the greatest numbers are normalised; a row with infinity or NaN is NaN") {
  const float most = std::numeric_limits<float>::max();
  const Tensor weight = Tensor::Full({4}, 1);
  const Tensor x = Tensor::From({2, 4}, std::vector<float>{most, -most, most, -most, 1, 2, 3, 4});
  for (const float value : LayerNorm(x, weight).View({4}).ToVector<float>()) {
    CHECK(std::abs(value) == Approx(1));
  }
  for (const float value : RmsNorm(x, weight).View({4}).ToVector<float>()) {
    CHECK(std::abs(value) == Approx(1));
  }
  for (const float bad : {std::numeric_limits<float>::infinity(), std::nanf("")}) {
    const Tensor row = Tensor::From({1, 4}, std::vector<float>{1, bad, 2, 3});
    for (const float value : LayerNorm(row, weight).ToVector<float>()) CHECK(std::isnan(value));
    CHECK(std::isnan(RmsNorm(row, weight).ToVector<float>()[1]));
  }
}

}  // namespace
}  // namespace convoy
