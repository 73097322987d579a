// The autograd engine: what is recorded, in which order it is walked, and when memory is freed.
#include <catch2/catch.hpp>

#include "core/backend.h"
#include "core/base/error.h"
#include "tests/core/autograd_helpers.h"

namespace convoy {
namespace {

using Floats = std::vector<float>;

TEST_CASE("gradients flow through every way of delivering them") {
  const Tensor x = Leaf({1, 2, 3});
  Total(ScaleByWrite(ScaleInPlace(Scale(x, 2), 3), 5)).Backward();
  CHECK(Values(x.grad()) == Floats{30, 30, 30});
}

TEST_CASE("a tensor used twice gets the sum of both gradients") {
  const Tensor x = Leaf({1, 2});
  SECTION("a leaf, by one node") { Total(Plus(x, x)).Backward(); }
  SECTION("a leaf, by two nodes") { Total(Plus(Scale(x, 0.5f), ScaleByWrite(x, 1.5f))).Backward(); }
  SECTION("a computed one, by one node") {
    const Tensor y = Scale(x, 1);
    Total(Plus(y, y)).Backward();
  }
  SECTION("a computed one, by two nodes, in place") {
    const Tensor y = Scale(x, 1);
    Total(Plus(ScaleInPlace(y, 0.5f), ScaleInPlace(y, 1.5f))).Backward();
  }
  CHECK(Values(x.grad()) == Floats{2, 2});
}

TEST_CASE("a diamond of diamonds: each node is walked once") {
  const Tensor x = Leaf({1});
  Tensor y = x;
  for (int i = 0; i < 20; ++i) y = Plus(Scale(y, 1), ScaleInPlace(y, 1));
  Total(y).Backward();
  CHECK(Values(x.grad()) == Floats{1 << 20});
}

TEST_CASE("gradients that share memory do not disturb each other") {
  const Tensor a = Leaf({1, 2});
  const Tensor b = Leaf({1, 2});
  const Tensor c = Leaf({1, 2});
  // Plus passes one gradient to both sides; one side then scales it in place.
  const Tensor left = ScaleInPlace(Scale(a, 1), 10);
  const Tensor right = Plus(ScaleInPlace(Scale(b, 1), 100), ScaleByWrite(c, 1));
  Total(Plus(left, right)).Backward();
  CHECK(Values(a.grad()) == Floats{10, 10});
  CHECK(Values(b.grad()) == Floats{100, 100});
  CHECK(Values(c.grad()) == Floats{1, 1});
}

TEST_CASE("a gradient that two sides share is copied before more is added for one of them") {
  const Tensor a = Leaf({1, 2});
  const Tensor b = Leaf({1, 2});
  const Tensor x = Scale(a, 1);
  const Tensor y = Scale(b, 1);
  // Recorded before the sum, so its gradient comes after the one that the sum passes to x and y.
  const Tensor more = Scale(x, 10);
  Total(Plus(Plus(x, y), more)).Backward();
  CHECK(Values(a.grad()) == Floats{11, 11});
  CHECK(Values(b.grad()) == Floats{1, 1});
}

TEST_CASE("an element-wise backward works in the gradient's memory where nobody else holds it") {
  const Tensor x = Leaf({1, 2});
  int reused = 0;
  SECTION("alone") {
    Total(ScaleInPlace(Scale(x, 1), 2, &reused)).Backward();
    CHECK(reused == 1);
  }
  SECTION("not into a leaf, whose slot is elsewhere") {
    Total(ScaleInPlace(x, 2, &reused)).Backward();
    CHECK(reused == 0);
  }
  SECTION("not where another node has been given the same gradient") {
    const Tensor y = Scale(x, 1);
    const Tensor z = Plus(ScaleInPlace(Scale(y, 0.5f), 2, &reused), Scale(y, 1));
    Total(z).Backward();
    CHECK(reused == 0);
    CHECK(Values(x.grad()) == Floats{2, 2});
    return;
  }
  SECTION("not in the seed, which is the caller's") {
    const Tensor seed = Tensor::From<float>({2}, {1, 1});
    Backward(ScaleInPlace(Scale(x, 1), 2, &reused), {.seed = seed});
    CHECK(reused == 0);
    CHECK(Values(seed) == Floats{1, 1});
  }
  CHECK(Values(x.grad()) == Floats{2, 2});
}

TEST_CASE("a backward may write over an input that it alone still holds") {
  const Tensor x = Leaf({1, 2});
  const void* taken = nullptr;
  // Twice its input, which it saves.
  const auto twice = [&taken](const Tensor& input) {
    return Record("Twice", ScaledValues(input, 2), {input}, [&taken, input](BackwardPass& pass) {
      const GradTarget target = pass.TargetOver(0, input);
      if (target.tensor.raw_data() == input.raw_data()) taken = input.raw_data();
      AddScaled(target, pass.grad(), 2);
    });
  };
  Tensor y = Scale(x, 3);
  const void* memory = y.raw_data();
  const Tensor z = twice(y);
  SECTION("nobody holds it") {
    y = Tensor();
    Total(z).Backward();
    CHECK(taken == memory);
  }
  SECTION("the user holds it") {
    Total(z).Backward();
    CHECK(taken == nullptr);
    CHECK(Values(y) == Floats{3, 6});
  }
  SECTION("the user holds a view of it") {
    const Tensor view = std::exchange(y, Tensor()).View({1}, 1);
    Total(z).Backward();
    CHECK(taken == nullptr);
    CHECK(Values(view) == Floats{6});
  }
  SECTION("it has a gradient already, which is added to") {
    const Tensor other = Scale(std::exchange(y, Tensor()), 4);
    Total(Plus(z, other)).Backward();
    CHECK(taken == nullptr);
    CHECK(Values(x.grad()) == Floats{18, 18});
    return;
  }
  CHECK(Values(x.grad()) == Floats{6, 6});
}

TEST_CASE("a backward does not write over a leaf") {
  const Tensor x = Leaf({1, 2});
  Total(Record("Twice", ScaledValues(x, 2), {x}, [x](BackwardPass& pass) {
    const GradTarget target = pass.TargetOver(0, x);
    CHECK(target.tensor.raw_data() != x.raw_data());
    AddScaled(target, pass.grad(), 2);
  })).Backward();
  CHECK(Values(x) == Floats{1, 2});
  CHECK(Values(x.grad()) == Floats{2, 2});
}

TEST_CASE("Backward starts from a seed, or from ones times a scale") {
  const Tensor x = Leaf({1, 2});
  SECTION("seed") {
    Backward(Scale(x, 3), {.seed = Tensor::From<float>({2}, {1, 10})});
    CHECK(Values(x.grad()) == Floats{3, 30});
  }
  SECTION("scale") {
    Backward(Total(x), {.scale = 0.25});
    CHECK(Values(x.grad()) == Floats{0.25, 0.25});
  }
}

TEST_CASE("inputs that need no gradient are not asked for one") {
  const Tensor x = Leaf({1});
  const Tensor constant = Tensor::From<float>({1}, {5});
  std::vector<bool> needs;
  const Tensor y = Record("Probe", x.Clone(), {x, constant, Tensor()}, [&](BackwardPass& pass) {
    needs = {pass.Needs(0), pass.Needs(1), pass.Needs(2)};
    pass.Pass(0, pass.grad());
  });
  Total(y).Backward();
  CHECK(needs == std::vector<bool>{true, false, false});
  CHECK_FALSE(constant.grad().defined());
  CHECK_FALSE(Scale(constant, 2).requires_grad());
  CHECK(NeedsGrad({constant, x}));
  CHECK_FALSE(NeedsGrad({constant, Tensor()}));
}

TEST_CASE("nothing is recorded while a NoGrad is alive") {
  const Tensor x = Leaf({1});
  {
    const NoGrad outer;
    { const NoGrad inner; }
    CHECK_FALSE(Scale(x, 2).requires_grad());
    CHECK_FALSE(NeedsGrad({x}));
  }
  CHECK(Scale(x, 2).requires_grad());
}

TEST_CASE("views and clones lie outside the graph") {
  const Tensor y = Scale(Leaf({1, 2}), 2);
  CHECK(y.requires_grad());
  CHECK_FALSE(y.is_leaf());
  CHECK_FALSE(y.Detach().requires_grad());
  CHECK_FALSE(y.Clone().requires_grad());
  CHECK_FALSE(y.View({1}).requires_grad());
}

TEST_CASE("wrong uses of Backward say what to do") {
  const Tensor x = Leaf({1, 2});
  CHECK_THROWS_WITH(Scale(x, 2).Backward(),
                    "[Backward] without a seed wants a scalar, got shape (2); reduce it with Mean "
                    "or Sum, or give the seed");
  CHECK_THROWS_WITH(Tensor::Scalar(1.0f).Backward(),
                    "[Backward] nothing to differentiate: no input of this tensor requires a "
                    "gradient (gradients themselves are not differentiable)");
  CHECK_THROWS_WITH(Backward(Scale(x, 2), {.seed = Tensor::Zeros({3})}),
                    "[Backward] seed: expected f32 (2) on cpu:0, got f32 (3) on cpu:0");
  CHECK_THROWS_WITH(Backward(Scale(x, 2), {.seed = Tensor::Zeros({2}), .scale = 2}),
                    "[Backward] give either a seed or a scale, not both");
  CHECK_THROWS_WITH(Scale(x, 2).SetRequiresGrad(),
                    "[SetRequiresGrad] only a leaf can be told so, not a computed tensor");
}

TEST_CASE("a graph is walked once") {
  const Tensor x = Leaf({1});
  const Tensor shared = Scale(x, 2);
  const Tensor loss = Total(shared);
  loss.Backward();
  const std::string rest =
      " was freed by an earlier Backward; compute the loss again, or add losses that share a part "
      "before differentiating their sum";
  CHECK_THROWS_WITH(loss.Backward(), "[Backward] the graph behind Total" + rest);
  CHECK_THROWS_WITH(Total(shared).Backward(), "[Backward] the graph behind Scale" + rest);
  CHECK(Values(x.grad()) == Floats{2});
}

TEST_CASE("an op whose backward forgets an input, or passes the wrong shape, is named") {
  const Tensor x = Leaf({1, 2});
  const Tensor y = Scale(x, 1);
  const Tensor forgets = Record("Forgets", y.Clone(), {y}, [](BackwardPass&) {});
  CHECK_THROWS_WITH(Total(forgets).Backward(),
                    "[Backward] a bug: an op that uses Scale left out its gradient");
  const Tensor z = Scale(x, 1);
  const Tensor wrong = Record("Wrong", Tensor::Scalar(1.0f), {z},
                              [](BackwardPass& pass) { pass.Pass(0, pass.grad()); });
  CHECK_THROWS_WITH(wrong.Backward(),
                    "[Backward] a bug: Wrong passes a gradient of f32 () to an input of f32 (2)");
}

TEST_CASE("a chain of 200,000 nodes neither overflows the stack when walked nor when dropped") {
  constexpr int kNodes = 200000;
  const Tensor x = Leaf({1});
  const auto chain = [&] {
    Tensor y = x;
    // The backward holds its input, as that of most ops does.
    for (int i = 0; i < kNodes; ++i) {
      y = Record("Link", y.View(y.shape()), {y},
                 [held = y](BackwardPass& pass) { pass.Pass(0, pass.grad()); });
    }
    return y;
  };
  SECTION("walked") {
    Total(chain()).Backward();
    CHECK(Values(x.grad()) == Floats{1});
  }
  SECTION("dropped") {
    chain();
    CHECK_FALSE(x.grad().defined());
  }
}

TEST_CASE("what backward keeps is freed on the way") {
  Backend& cpu = GetBackend(DeviceType::kCpu);
  const auto current = [&] { return cpu.Stats(Device::Cpu()).current_bytes; };
  constexpr int64_t kBytes = 1 << 20;
  constexpr int kNodes = 10;
  const Tensor x = Leaf({1});
  std::vector<int64_t> in_use;
  Tensor y = x;
  const int64_t before = current();
  for (int i = 0; i < kNodes; ++i) {
    const Tensor kept = Tensor::Empty({kBytes}, {DType::kU8});
    y = Record("Keeps", y.Clone(), {y}, [&, kept](BackwardPass& pass) {
      in_use.push_back(current());
      pass.Pass(0, pass.grad());
    });
  }
  CHECK(current() >= before + kNodes * kBytes);
  const Tensor loss = Total(y);
  loss.Backward();
  REQUIRE(in_use.size() == kNodes);
  for (int i = 1; i < kNodes; ++i) {
    CHECK(in_use[static_cast<size_t>(i)] <= in_use[static_cast<size_t>(i - 1)] - kBytes);
  }
  CHECK(current() < before + kBytes);
}

}  // namespace
}  // namespace convoy
