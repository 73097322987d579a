// Ops that have nothing to do, on a leaf: Backward gives the leaf its gradient all the same,
// whether the op returns its input or a copy.
#include <limits>
#include <string>
#include <vector>

#include "core/autograd.h"
#include "ops/binary.h"
#include "ops/cast.h"
#include "ops/dropout.h"
#include "ops/shape_ops.h"
#include "ops/unary.h"
#include "tests/ops/drivers.h"

namespace convoy {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();

struct Identity {
  const char* name;
  Tensor (*run)(const Tensor&);
};

const Identity kIdentities[] = {
    {"Dropout of none", [](const Tensor& x) { return Dropout(x, 0, {}); }},
    {"Cast to its dtype", [](const Tensor& x) { return Cast(x, x.dtype()); }},
    {"two of them", [](const Tensor& x) { return Cast(Dropout(x, 0, {}), x.dtype()); }},
    {"Reshape to its shape",
     [](const Tensor& x) {
       return Reshape(x, {2, 3});
     }},
    {"Permute in order",
     [](const Tensor& x) {
       return Permute(x, {0, 1});
     }},
    {"Transpose of a dimension with itself", [](const Tensor& x) { return Transpose(x, 1, 1); }},
    {"Slice of all rows", [](const Tensor& x) { return Slice(x, 0, 0, 2); }},
    {"Slice of all columns", [](const Tensor& x) { return Slice(x, 1, 0, 3); }},
    {"Concat of one", [](const Tensor& x) { return Concat(std::vector<Tensor>{x}, 0); }},
    {"Concat of one, by columns",
     [](const Tensor& x) { return Concat(std::vector<Tensor>{x}, 1); }},
    {"Split into one", [](const Tensor& x) { return Split(x, {2}, 0)[0]; }},
    {"Split into one, by columns", [](const Tensor& x) { return Split(x, {3}, 1)[0]; }},
    {"Clamp without limits", [](const Tensor& x) { return Clamp(x, -kInf, kInf); }},
    {"Pow by 1", [](const Tensor& x) { return Pow(x, 1.0); }},
    {"Mul by 1", [](const Tensor& x) { return x * 1.0; }},
    {"Add of 0", [](const Tensor& x) { return x + 0.0; }},
};

TEST_CASE("an op that has nothing to do passes the gradient on to a leaf") {
  const std::vector<double> values = {1, -2, 3, 0.5, -0.25, 4}, gradient = {2, 3, -1, 0.5, 7, -6};
  for (const Identity& identity : kIdentities) {
    for (const DType dtype : {DType::kF32, DType::kF64, DType::kBF16, DType::kF16}) {
      INFO(identity.name << ", " << Name(dtype));
      const Tensor x = FromDoubles({2, 3}, values, dtype).SetRequiresGrad();
      for (int i = 1; i <= 2; ++i) {
        const Tensor y = identity.run(x);
        CHECK(ToDoubles(y) == values);
        Backward(y, {.seed = FromDoubles({2, 3}, gradient, dtype)});
        std::vector<double> expected = gradient;  // the second Backward adds
        for (double& value : expected) value *= i;
        CHECK(ToDoubles(x.grad()) == expected);
      }
    }
  }
}

TEST_CASE("a Backward without a seed begins with one, at a scalar leaf too") {
  const Tensor x = Tensor::Full({}, 3).SetRequiresGrad();
  Dropout(x, 0, {}).Backward();
  CHECK(x.grad().Item<float>() == 1);
}

}  // namespace
}  // namespace convoy
