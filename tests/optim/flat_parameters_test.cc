// Flat parameters: where parameters and gradients go, and what is refused.
#include "optim/flat_parameters.h"

#include <catch2/catch.hpp>

#include "core/autograd.h"
#include "core/base/error.h"

namespace convoy {
namespace {

NamedTensor Parameter(const char* name, const Shape& shape, double value,
                      DType dtype = DType::kF32) {
  Tensor tensor = Tensor::Full(shape, value, {dtype, Device::Cpu()});
  tensor.SetRequiresGrad();
  return {name, tensor};
}

// A loss with gradient `value` in every element of `x`.
void GiveGradient(const Tensor& x, double value) {
  const Tensor loss = Record("Given", Tensor::Scalar(0.0f), {x}, [x, value](BackwardPass& pass) {
    pass.Write(0,
               [&](const Tensor& dx) { dx.CopyFrom(Tensor::Full(x.shape(), value, x.options())); });
  });
  loss.Backward();
}

TEST_CASE("Parameters keep their values and move into aligned slices of their bucket") {
  const ParameterList list = {Parameter("w", {3, 5}, 1), Parameter("b", {5}, 2),
                              Parameter("empty", {0, 4}, 0), Parameter("scalar", {}, 3)};
  const FlatParameters flat(list);
  REQUIRE(flat.buckets().size() == 1);
  REQUIRE(flat.numel() == 21);
  const FlatBucket& bucket = flat.buckets()[0];
  REQUIRE(bucket.numel() == 768);
  REQUIRE(bucket.entries[1].offset == 256);
  REQUIRE(bucket.entries[3].offset == 512);
  for (const FlatEntry& entry : bucket.entries) {
    const Tensor& tensor = entry.parameter.tensor;
    REQUIRE(tensor.raw_data() == bucket.values.data<float>() + entry.offset);
    REQUIRE(reinterpret_cast<uintptr_t>(tensor.raw_data()) % 64 == 0);
  }
  std::vector<float> expected(768, 0.0f);
  std::fill_n(expected.begin(), 15, 1.0f);
  std::fill_n(expected.begin() + 256, 5, 2.0f);
  expected[512] = 3;
  REQUIRE(bucket.values.ToVector<float>() == expected);  // padding is zero
  REQUIRE(list[0].tensor.ToVector<float>() == std::vector<float>(15, 1.0f));
}

TEST_CASE("Buckets of a dtype follow each other in one buffer, in plan order") {
  const ParameterList list = {Parameter("a", {20}, 1), Parameter("b", {4}, 2, DType::kBF16),
                              Parameter("c", {7}, 3), Parameter("d", {40}, 4, DType::kBF16)};
  const FlatParameters flat(list, {{3}, {2, 0}, {1}});
  REQUIRE(flat.buckets().size() == 3);
  REQUIRE(flat.buckets()[0].numel() == 256);
  REQUIRE(flat.buckets()[1].numel() == 512);
  REQUIRE(flat.buckets()[2].numel() == 256);
  REQUIRE(flat.buckets()[2].values.data<BFloat16>() ==
          flat.buckets()[0].values.data<BFloat16>() + 256);
  REQUIRE(flat.buckets()[1].entries[0].parameter.name == "c");
  REQUIRE(flat.parameters()[0].name == "a");

  const FlatParameters by_dtype(list);
  REQUIRE(by_dtype.buckets().size() == 2);
  REQUIRE(by_dtype.buckets()[1].entries[0].parameter.name == "b");
}

TEST_CASE("Backward writes into the bucket; a gradient that is there already moves along") {
  const ParameterList list = {Parameter("a", {3}, 1), Parameter("b", {3}, 1)};
  GiveGradient(list[0].tensor, 5);
  const FlatParameters flat(list);
  REQUIRE(flat.buckets()[0].gradients.data<float>()[2] == 5);
  GiveGradient(list[0].tensor, 2);  // not consumed yet: adds
  REQUIRE(flat.buckets()[0].gradients.data<float>()[2] == 7);
  flat.ConsumeGradients();
  GiveGradient(list[0].tensor, 2);
  REQUIRE(flat.buckets()[0].gradients.data<float>()[2] == 2);
}

TEST_CASE("ZeroMissingGradients zeroes what no Backward has filled, and nothing else") {
  const ParameterList list = {Parameter("a", {3}, 1), Parameter("b", {3}, 1)};
  const FlatParameters flat(list);
  GiveGradient(list[0].tensor, 2);
  GiveGradient(list[1].tensor, 3);
  flat.ConsumeGradients();
  GiveGradient(list[1].tensor, 4);
  flat.ZeroMissingGradients();
  REQUIRE(list[0].tensor.grad().ToVector<float>() == std::vector<float>(3, 0.0f));
  REQUIRE(list[1].tensor.grad().ToVector<float>() == std::vector<float>(3, 4.0f));
}

TEST_CASE(
    "A gradient's sum is waited for before it is read or written, by its newest owner alone") {
  const ParameterList list = {Parameter("a", {3}, 1), Parameter("b", {3}, 1)};
  FlatParameters flat(list, {{0}, {1}});
  std::vector<float> seen[2];  // the bucket's first element, at each wait
  for (size_t b = 0; b < 2; ++b) {
    flat.SetBeforeRead(b, [&seen, b, bucket = flat.buckets()[b]] {
      seen[b].push_back(bucket.gradients.data<float>()[0]);
    });
  }
  GiveGradient(list[1].tensor, 4);
  REQUIRE(seen[1] == std::vector<float>{0});  // before it is written
  REQUIRE(list[1].tensor.grad().data<float>()[0] == 4);
  REQUIRE(seen[1] == std::vector<float>{0, 4});
  REQUIRE(seen[0].empty());

  const FlatParameters newer(list);
  const size_t waits = seen[1].size();
  GiveGradient(list[1].tensor, 1);
  REQUIRE(list[1].tensor.grad().data<float>()[0] == 5);
  REQUIRE(seen[1].size() == waits);
  REQUIRE(seen[0].empty());
}

TEST_CASE("No parameters make no buckets") {
  const FlatParameters flat(ParameterList{});
  REQUIRE(flat.buckets().empty());
  REQUIRE(flat.numel() == 0);
}

TEST_CASE("FlatParameters refuses lists and plans that do not fit") {
  const NamedTensor a = Parameter("a", {3}, 1);
  const NamedTensor b = Parameter("b", {3}, 1, DType::kF64);
  REQUIRE_THROWS_WITH(FlatParameters({a, {"tied", a.tensor}}),
                      "[FlatParameters] parameter 'tied' occurs twice; list a shared tensor once");
  REQUIRE_THROWS_WITH(FlatParameters({{"plain", Tensor::Zeros({2})}}),
                      "[FlatParameters] parameter 'plain' must be a leaf that requires a gradient; "
                      "call SetRequiresGrad on it, or leave it out of the list if it is not to be "
                      "trained");
  REQUIRE_THROWS_WITH(FlatParameters({{"none", Tensor()}}),
                      "[FlatParameters] parameter 'none' is undefined");
  Tensor elsewhere = Tensor::Zeros({2}, {DType::kF32, Device::Cpu(1)});
  elsewhere.SetRequiresGrad();
  REQUIRE_THROWS_WITH(FlatParameters({a, {"far", elsewhere}}),
                      "[FlatParameters] parameter 'far' is on cpu:1, but 'a' on cpu:0; a replica "
                      "lives on one device");
  REQUIRE_THROWS_WITH(FlatParameters({a, b}, {{0, 1}}),
                      "[FlatParameters] bucket 0 mixes dtypes: 'a' is f32, 'b' is f64");
  REQUIRE_THROWS_WITH(FlatParameters({a, b}, {{0}}),
                      "[FlatParameters] the plan leaves out parameter 'b'");
  REQUIRE_THROWS_WITH(FlatParameters({a}, {{0, 0}}),
                      "[FlatParameters] parameter 'a' is planned twice");
  REQUIRE_THROWS_WITH(FlatParameters({a}, {{1}}),
                      "[FlatParameters] bucket 0 of the plan names parameter 1 of 1");
}

TEST_CASE("A second owner of the same parameters is noticed") {
  const ParameterList list = {Parameter("a", {3}, 1)};
  const FlatParameters first(list);
  first.CheckInPlace();
  const FlatParameters second(list);
  second.CheckInPlace();
  REQUIRE_THROWS_WITH(first.CheckInPlace(), Catch::Contains("parameter 'a' was moved"));
}

}  // namespace
}  // namespace convoy
