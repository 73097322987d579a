// What a leaf sees of Backward: its slot, accumulation, hooks, and leaves that are not reached.
#include <catch2/catch.hpp>

#include "core/base/error.h"
#include "tests/core/autograd_helpers.h"

namespace convoy {
namespace {

using Floats = std::vector<float>;

TEST_CASE("a leaf adds up the gradients of several Backwards until told otherwise") {
  const Tensor x = Leaf({1, 2});
  CHECK_FALSE(x.grad().defined());
  CHECK_FALSE(HasFreshGrad(x));
  Total(Scale(x, 2)).Backward();
  CHECK(Values(x.grad()) == Floats{2, 2});
  CHECK(HasFreshGrad(x));
  Total(Scale(x, 3)).Backward();
  CHECK(Values(x.grad()) == Floats{5, 5});
  SECTION("ZeroGrad forgets it") {
    x.ZeroGrad();
    CHECK_FALSE(x.grad().defined());
    CHECK_FALSE(HasFreshGrad(x));
    Total(Plus(x, x)).Backward();
    CHECK(Values(x.grad()) == Floats{2, 2});
  }
  SECTION("ConsumeGrad leaves it readable, and the next Backward overwrites it") {
    ConsumeGrad(x);
    CHECK(Values(x.grad()) == Floats{5, 5});
    CHECK_FALSE(HasFreshGrad(x));
    Total(Plus(x, x)).Backward();
    CHECK(Values(x.grad()) == Floats{2, 2});
    Total(x).Backward();
    CHECK(Values(x.grad()) == Floats{3, 3});
  }
  SECTION("a consumed gradient stays when Backward does not reach the leaf") {
    ConsumeGrad(x);
    Total(Scale(Leaf({1}), 1)).Backward();
    CHECK(Values(x.grad()) == Floats{5, 5});
  }
}

TEST_CASE("a slot is written in place, in every state") {
  const Tensor flat = Tensor::Full({6}, 99);
  const Tensor x = Leaf({1, 2});
  x.SetGradSlot(flat.View({2}, 3));
  CHECK_FALSE(x.grad().defined());  // what the slot held is not a gradient
  Total(Plus(Scale(x, 2), ScaleInPlace(x, 1))).Backward();
  CHECK(Values(flat) == Floats{99, 99, 99, 3, 3, 99});
  Total(x).Backward();
  CHECK(Values(flat) == Floats{99, 99, 99, 4, 4, 99});
  x.ZeroGrad();
  CHECK(Values(flat) == Floats{99, 99, 99, 4, 4, 99});  // no memory is touched
  Total(Plus(x, Scale(x, 1))).Backward();
  CHECK(Values(flat) == Floats{99, 99, 99, 2, 2, 99});
  CHECK(x.grad().raw_data() == flat.data<float>() + 3);
}

TEST_CASE("a slot filled otherwise can be declared a gradient") {
  const Tensor x = Leaf({1});
  CHECK_THROWS_WITH(MarkGradFresh(x), "[MarkGradFresh] the leaf has no gradient slot");
  x.SetGradSlot(Tensor::Full({1}, 7));
  MarkGradFresh(x);
  CHECK(Values(x.grad()) == Floats{7});
  Total(x).Backward();
  CHECK(Values(x.grad()) == Floats{8});
}

TEST_CASE("a slot that does not fit is refused") {
  const Tensor x = Leaf({1, 2});
  CHECK_THROWS_WITH(x.SetGradSlot(Tensor::Zeros({3})),
                    "[SetGradSlot] expected f32 (2) on cpu:0, got f32 (3) on cpu:0");
  CHECK_THROWS_WITH(x.SetGradSlot(Tensor::Zeros({2}, {DType::kBF16})),
                    "[SetGradSlot] expected f32 (2) on cpu:0, got bf16 (2) on cpu:0");
}

TEST_CASE("hooks run in order: start, each leaf at its last contribution, end") {
  const Tensor early = Leaf({1});
  const Tensor late = Leaf({1});
  const Tensor twice = Leaf({1});
  const Tensor unused = Leaf({1});
  std::vector<std::string> events;
  // Backward walks from the last line up.
  Tensor y = Scale(Plus(early, twice), 2);
  y = Plus(Scale(y, 10), twice);
  y = Plus(y, late);
  BackwardOptions options;
  options.on_start = [&](const std::function<bool(const Tensor&)>& reached) {
    events.push_back("start");
    CHECK(reached(early));
    CHECK(reached(late));
    CHECK(reached(twice));
    CHECK_FALSE(reached(unused));
    CHECK_FALSE(early.grad().defined());
  };
  options.on_leaf = [&](const Tensor& leaf) {
    const char* name = leaf.Is(early) ? "early" : leaf.Is(late) ? "late" : "twice";
    CHECK_FALSE(leaf.Is(unused));
    events.push_back(std::string(name) + "=" + std::to_string(int(leaf.grad().Item<float>())));
  };
  options.on_end = [&] { events.push_back("end"); };
  Backward(Total(y), options);
  CHECK(events == std::vector<std::string>{"start", "late=1", "early=20", "twice=21", "end"});
}

TEST_CASE("a Backward of a leaf itself gives it the seed, like any other") {
  const Tensor x = Leaf({1, 2});
  std::vector<std::string> events;
  BackwardOptions options;
  options.seed = Tensor::From<float>({2}, std::vector<float>{3, 4});
  options.on_start = [&](const std::function<bool(const Tensor&)>& reached) {
    events.push_back(reached(x) ? "reached" : "not reached");
  };
  options.on_leaf = [&](const Tensor& leaf) { events.push_back(leaf.Is(x) ? "leaf" : "another"); };
  options.on_end = [&] { events.push_back("end"); };
  Backward(x, options);
  CHECK(events == std::vector<std::string>{"reached", "leaf", "end"});
  CHECK(Values(x.grad()) == Floats{3, 4});
  Backward(x, {.seed = options.seed});
  CHECK(Values(x.grad()) == Floats{6, 8});  // added
  ConsumeGrad(x);
  Backward(x, {.seed = options.seed});
  CHECK(Values(x.grad()) == Floats{3, 4});  // overwritten
  CHECK(Values(options.seed) == Floats{3, 4});
  const Tensor scalar = Leaf({5});
  Backward(scalar, {.scale = 0.5});
  CHECK(Values(scalar.grad()) == Floats{0.5});
}

TEST_CASE("reached is about this Backward, not an earlier one") {
  const Tensor x = Leaf({1});
  const Tensor y = Leaf({1});
  Total(x).Backward();
  BackwardOptions options;
  bool x_reached = true;
  options.on_start = [&](const std::function<bool(const Tensor&)>& reached) {
    x_reached = reached(x);
  };
  Backward(Total(y), options);
  CHECK_FALSE(x_reached);
  CHECK(Values(x.grad()) == Floats{1});
}

TEST_CASE("code in a hook records no graph") {
  const Tensor x = Leaf({1});
  bool recorded = true;
  BackwardOptions options;
  options.on_leaf = [&](const Tensor& leaf) { recorded = Scale(leaf, 2).requires_grad(); };
  Backward(Total(x), options);
  CHECK_FALSE(recorded);
}

TEST_CASE("a hook that throws stops Backward; the next one starts afresh") {
  const Tensor x = Leaf({1});
  BackwardOptions options;
  options.on_leaf = [](const Tensor&) { Fail("[Test] stop"); };
  CHECK_THROWS_WITH(Backward(Total(Plus(x, x)), options), "[Test] stop");
  x.ZeroGrad();
  Total(Plus(x, x)).Backward();
  CHECK(Values(x.grad()) == Floats{2});
}

}  // namespace
}  // namespace convoy
