// Clipping by the global norm.
#include "optim/clip.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include "core/autograd.h"
#include "core/error.h"
#include "core/random.h"
#include "core/threads.h"

namespace convoy {
namespace {

Tensor Leaf(const Shape& shape, DType dtype = DType::kF32) {
  Tensor tensor = Tensor::Zeros(shape, {dtype, Device::Cpu()});
  tensor.SetRequiresGrad();
  return tensor;
}

TEST_CASE("The norm runs over all parameters and the scale is PyTorch's") {
  const Tensor a = Leaf({1}), b = Leaf({3}, DType::kF64);
  const FlatParameters flat(ParameterList{{"a", a}, {"b", b}});
  MarkGradFresh(a);
  MarkGradFresh(b);
  a.grad().data<float>()[0] = 3;
  b.grad().data<double>()[2] = 4;
  const ClippedNorm clip = ClipGradNorm(flat, 1.0);
  REQUIRE(clip.norm == 5.0);
  REQUIRE(3 * clip.scale == Approx(0.5999999046325684).epsilon(1e-7));
  REQUIRE(a.grad().data<float>()[0] == 3);  // untouched

  REQUIRE(ClipGradNorm(flat, 10).scale == 1);
  REQUIRE(ClipGradNorm(flat, std::numeric_limits<double>::infinity()).scale == 1);

  a.grad().data<float>()[0] = std::numeric_limits<float>::quiet_NaN();
  REQUIRE(std::isnan(ClipGradNorm(flat, 1.0).norm));
}

TEST_CASE("Parameters without a gradient count as zero") {
  const Tensor a = Leaf({2}), b = Leaf({2});
  const FlatParameters flat(ParameterList{{"a", a}, {"b", b}});
  for (const Tensor& p : {a, b}) {
    MarkGradFresh(p);
    p.grad().data<float>()[0] = 2;
  }
  flat.ConsumeGradients();
  MarkGradFresh(b);
  REQUIRE(ClipGradNorm(flat, 1.0).norm == 2);
  REQUIRE(ClipGradNorm(FlatParameters(ParameterList{}), 1.0).norm == 0);
}

TEMPLATE_TEST_CASE("The norm is exact to f64 and the same on any number of threads", "", float,
                   double, BFloat16, Float16) {
  for (const int64_t n : {0, 1, 31, 8192, 8193, 100001}) {
    CAPTURE(n);
    std::vector<double> norms;
    double expected = 0;
    for (const int threads : {1, 2, 3}) {
      SetCpuThreads(threads);
      const Tensor x = Leaf({n}, DTypeOf<TestType>());
      const FlatParameters flat(ParameterList{{"x", x}});
      MarkGradFresh(x);
      Random(3).Normal(x.grad(), 0, 1);
      norms.push_back(ClipGradNorm(flat, 1.0).norm);
      expected = 0;
      for (const TestType v : x.grad().template ToVector<TestType>()) {
        const double value = static_cast<double>(static_cast<ComputeType<TestType>>(v));
        expected += value * value;
      }
    }
    SetCpuThreads(0);
    REQUIRE(norms[0] == Approx(std::sqrt(expected)).epsilon(1e-12));
    REQUIRE(norms[1] == norms[0]);
    REQUIRE(norms[2] == norms[0]);
  }
}

TEST_CASE("A limit that clips everything away is refused") {
  REQUIRE_THROWS_WITH(ClipGradNorm(FlatParameters(ParameterList{}), 0),
                      "[ClipGradNorm] max_norm must be over 0, got 0");
}

}  // namespace
}  // namespace convoy
