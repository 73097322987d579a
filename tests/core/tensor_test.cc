// Tensors: making, reading, viewing, copying, and the messages of wrong use.
#include "core/tensor.h"

#include <catch2/catch.hpp>

#include "core/base/error.h"

namespace convoy {
namespace {

const std::vector<DType> kAllDTypes = {DType::kF32, DType::kF64, DType::kBF16, DType::kF16,
                                       DType::kI32, DType::kI64, DType::kU8,   DType::kBool};

TEST_CASE("a tensor holds what it was made from") {
  const Tensor t = Tensor::From<float>({2, 3}, {1, 2, 3, 4, 5, 6});
  CHECK(t.shape() == Shape({2, 3}));
  CHECK(t.dtype() == DType::kF32);
  CHECK(t.device() == Device::Cpu());
  CHECK(t.dim(-1) == 3);
  CHECK(t.bytes() == 24);
  CHECK(t.data<float>()[4] == 5);
  CHECK(t.ToVector<float>() == std::vector<float>{1, 2, 3, 4, 5, 6});
  CHECK(Tensor::Scalar<int64_t>(-7).Item<int64_t>() == -7);
  CHECK(Tensor::From<bool>({3}, {true, false, true}).ToVector<bool>() ==
        std::vector<bool>{true, false, true});
  CHECK(Tensor::Scalar(true).Item<bool>());
}

TEST_CASE("zeros and constants of every dtype") {
  for (const DType dtype : kAllDTypes) {
    INFO(Name(dtype));
    DispatchAll(dtype, [&]<typename T>(T) {
      for (const double value : {0.0, 1.0}) {
        const Tensor t = Tensor::Full({5}, value, {dtype});
        for (const auto element : t.ToVector<T>()) {
          CHECK(static_cast<double>(static_cast<ComputeType<T>>(element)) == value);
        }
      }
    });
  }
}

TEST_CASE("a tensor without elements") {
  const Tensor t = Tensor::Zeros({4, 0});
  CHECK(t.numel() == 0);
  CHECK(t.ToVector<float>().empty());
  CHECK(t.Clone().shape() == Shape({4, 0}));
}

TEST_CASE("copies of a handle share elements; clones do not") {
  const Tensor t = Tensor::From<float>({2}, {1, 2});
  const Tensor handle = t;
  const Tensor clone = t.Clone();
  t.data<float>()[0] = 9;
  CHECK(handle.Is(t));
  CHECK(handle.ToVector<float>() == std::vector<float>{9, 2});
  CHECK(clone.ToVector<float>() == std::vector<float>{1, 2});
}

TEST_CASE("a view shows part of a tensor under another shape") {
  const Tensor t = Tensor::From<float>({2, 3}, {1, 2, 3, 4, 5, 6});
  const Tensor view = t.View({2, 2}, 1);
  CHECK(view.ToVector<float>() == std::vector<float>{2, 3, 4, 5});
  view.data<float>()[0] = 9;
  CHECK(t.ToVector<float>()[1] == 9);
  CHECK(view.View({2}, 2).ToVector<float>() == std::vector<float>{4, 5});
  CHECK(t.View({0}, 6).numel() == 0);
  Tensor keeps_alive;
  {
    const Tensor owner = Tensor::From<float>({2}, {7, 8});
    keeps_alive = owner.View({1}, 1);
  }
  CHECK(keeps_alive.Item<float>() == 8);
}

TEST_CASE("a view beyond the tensor is refused") {
  const Tensor t = Tensor::Zeros({2, 3});
  CHECK_THROWS_WITH(t.View({7}), "[View] (7) at element 0 lies outside a tensor of shape (2, 3)");
  CHECK_THROWS_WITH(t.View({2}, 5),
                    "[View] (2) at element 5 lies outside a tensor of shape (2, 3)");
  CHECK_THROWS_WITH(t.View({1}, -1),
                    "[View] (1) at element -1 lies outside a tensor of shape (2, 3)");
  CHECK_THROWS_AS(t.View({1}, INT64_MAX), Error);
}

TEST_CASE("elements are copied between tensors of one shape and dtype") {
  const Tensor to = Tensor::Zeros({2}, {DType::kF32, Device::Cpu(1)});
  to.CopyFrom(Tensor::From<float>({2}, {3, 4}));
  CHECK(to.ToVector<float>() == std::vector<float>{3, 4});
  to.Zero();
  CHECK(to.ToVector<float>() == std::vector<float>{0, 0});
  CHECK_THROWS_WITH(to.CopyFrom(Tensor::Zeros({3})), "[CopyFrom] expected f32 (2), got f32 (3)");
  CHECK_THROWS_WITH(to.CopyFrom(Tensor::Zeros({2}, {DType::kI32})),
                    "[CopyFrom] expected f32 (2), got i32 (2)");
}

TEST_CASE("large copies are split between threads and complete") {
  std::vector<int64_t> values(300001);
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<int64_t>(i);
  const Tensor t = Tensor::From<int64_t>({300001}, values);
  CHECK(t.Clone().ToVector<int64_t>() == values);
}

TEST_CASE("moving a leaf to another place keeps its values and all handles") {
  const Tensor leaf = Tensor::From<float>({2}, {1, 2});
  const Tensor handle = leaf;
  const Tensor flat = Tensor::Zeros({10});
  leaf.MoveInto(flat.View({2}, 4));
  CHECK(flat.ToVector<float>() == std::vector<float>{0, 0, 0, 0, 1, 2, 0, 0, 0, 0});
  flat.data<float>()[5] = 7;
  CHECK(handle.ToVector<float>() == std::vector<float>{1, 7});
  CHECK_THROWS_WITH(leaf.MoveInto(Tensor::Zeros({2}, {DType::kF32, Device::Cpu(1)})),
                    "[MoveInto] expected a place on cpu:0, got cpu:1");
}

TEST_CASE("wrong use says what was expected") {
  const Tensor t = Tensor::Zeros({2, 3});
  CHECK_THROWS_WITH(Tensor::From<float>({2, 3}, {1, 2}),
                    "[Tensor] shape (2, 3) wants 6 values, got 2");
  CHECK_THROWS_WITH(t.Item<float>(), "[Tensor] Item wants one element, got shape (2, 3)");
  CHECK_THROWS_WITH(t.data<double>(), "[Tensor] elements are f32, not f64");
  CHECK_THROWS_WITH(t.ToVector<int32_t>(), "[Tensor] elements are f32, not i32");
  CHECK_THROWS_WITH(Tensor::Zeros({2}, {DType::kI32}).SetRequiresGrad(),
                    "[SetRequiresGrad] wants a floating dtype, got i32");
}

TEST_CASE("an undefined tensor answers nothing but defined()") {
  const Tensor undefined;
  CHECK_FALSE(undefined.defined());
  const std::string message = "[Tensor] used before it was given a value (undefined tensor)";
  CHECK_THROWS_WITH(undefined.shape(), message);
  CHECK_THROWS_WITH(undefined.dtype(), message);
  CHECK_THROWS_WITH(undefined.device(), message);
  CHECK_THROWS_WITH(undefined.raw_data(), message);
  CHECK_THROWS_WITH(undefined.requires_grad(), message);
  CHECK_THROWS_WITH(undefined.grad(), message);
  CHECK_THROWS_WITH(undefined.ZeroGrad(), message);
  CHECK_THROWS_WITH(undefined.Clone(), message);
  CHECK_THROWS_WITH(undefined.Backward(), message);
  CHECK_THROWS_WITH(Tensor().SetRequiresGrad(), message);
  CHECK_THROWS_WITH(Tensor::Zeros({1}).CopyFrom(undefined), message);
}

}  // namespace
}  // namespace convoy
