// Cross-entropy's gradient in the memory of the logits: only where nobody can still read them.
#include "ops/loss.h"

#include "core/autograd.h"
#include "core/backend.h"
#include "tests/ops/destinations.h"
#include "tests/ops/drivers.h"

namespace convoy {
namespace {

const Tensor kLabels = Tensor::From<int32_t>({4}, {2, 0, 6, 6});

struct Outcome {
  std::vector<float> gradient;
  int64_t allocations;  // of the backward
};

// `hold` gets the logits and the loss; what it returns lives until the end.
template <typename F>
Outcome BackwardWhile(F&& hold) {
  std::vector<float> values(4 * 7);
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i % 5) / 4;
  Tensor x = Tensor::From({4, 7}, values);
  x.SetRequiresGrad();
  Tensor logits = Copy(x);
  const Tensor loss = CrossEntropy(logits, kLabels);
  const auto held = hold(logits);
  logits = Tensor();
  Backend& backend = GetBackend(DeviceType::kCpu);
  const int64_t before = backend.Stats(Device::Cpu()).allocations;
  loss.Backward();
  const Outcome outcome{x.grad().ToVector<float>(),
                        backend.Stats(Device::Cpu()).allocations - before};
  if constexpr (std::is_same_v<decltype(held), const Tensor>) {
    CHECK(held.template ToVector<float>() == values);
  }
  return outcome;
}

TEST_CASE("the logits' gradient takes their memory if nobody else holds them") {
  const Outcome alone = BackwardWhile([](const Tensor&) { return 0; });
  const auto check_untouched = [&](const Outcome& outcome) {
    CHECK(outcome.gradient == alone.gradient);
    CHECK(outcome.allocations == alone.allocations + 1);
  };
  SECTION("a handle") {
    check_untouched(BackwardWhile([](const Tensor& logits) { return logits; }));
  }
  SECTION("the same elements outside the graph") {
    check_untouched(BackwardWhile([](const Tensor& logits) { return logits.Detach(); }));
  }
}

TEST_CASE("two losses of the same logits both count") {
  Tensor x = Tensor::From<float>({4, 7}, std::vector<float>(28, 0.5f));
  x.SetRequiresGrad();
  const auto gradient = [&](auto&& loss) {
    x.ZeroGrad();
    loss().Backward();
    return x.grad().ToVector<float>();
  };
  const std::vector<float> twice = gradient([&] {
    const Tensor logits = Copy(x);
    return Join(CrossEntropy(logits, kLabels), CrossEntropy(logits, kLabels));
  });
  std::vector<float> want = gradient([&] { return CrossEntropy(Copy(x), kLabels); });
  for (float& value : want) value *= 2;  // exact
  CHECK(twice == want);
}

TEST_CASE("logits that are a leaf keep their values") {
  const std::vector<float> values(28, 0.25f);
  Tensor logits = Tensor::From({4, 7}, values);
  logits.SetRequiresGrad();
  CrossEntropy(logits, kLabels).Backward();
  CHECK(logits.ToVector<float>() == values);
}

}  // namespace
}  // namespace convoy
