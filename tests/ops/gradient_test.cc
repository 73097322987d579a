// Backward of every op: against central differences in f64, and through every kind of destination
// that the autograd engine can hand to it.
#include <algorithm>

#include "tests/ops/destinations.h"
#include "tests/ops/drivers.h"

namespace convoy {
namespace {

constexpr double kStep = 1e-5;        // below the distance of sample values from kinks
constexpr double kTolerance = 1e-6;   // of central differences with this step
constexpr int64_t kMaxElements = 48;  // per input; checked evenly spaced when there are more
constexpr double kSame = 1e-12;       // where only the order of additions may differ

double WeightedSum(const Tensor& output) {
  const std::vector<double> y = ToDoubles(output);
  const std::vector<double> weights = ToDoubles(Cotangent(output));
  double sum = 0;
  for (size_t i = 0; i < y.size(); ++i) sum += y[i] * weights[i];
  return sum;
}

// The derivative of WeightedSum with respect to element `at` of input `i`.
double CentralDifference(const RunFunction& run, std::vector<Tensor> inputs, size_t i, int64_t at) {
  inputs[i] = inputs[i].Clone();
  double& element = inputs[i].data<double>()[at];
  const double value = element;
  element = value + kStep;
  const double above = WeightedSum(run(inputs));
  element = value - kStep;
  const double below = WeightedSum(run(inputs));
  return (above - below) / (2 * kStep);
}

struct Case {
  RunFunction run;
  std::vector<Tensor> inputs;
  std::vector<bool> wants;
};

// Calls `f(case)` for every sample that can be differentiated, in f64.
template <typename F>
void ForEachDifferentiable(F&& f) {
  ForEachSample([&](const OpSpec& row, const Sample& sample) {
    if (sample.large) return;
    const std::vector<bool> wants = Differentiable(row, sample, DType::kF64);
    if (std::count(wants.begin(), wants.end(), true) == 0) return;
    f(Case{RunOf(row, sample), MakeInputs(row, sample, DType::kF64), wants});
  });
}

TEST_CASE("backward agrees with central differences") {
  ForEachDifferentiable([](const Case& c) {
    const Result result = Evaluate(c.run, c.inputs, c.wants);
    for (size_t i = 0; i < c.inputs.size(); ++i) {
      if (!c.wants[i]) continue;
      REQUIRE(result.grads[i].shape() == c.inputs[i].shape());
      const std::vector<double> got = result.grads[i].ToVector<double>();
      const int64_t n = c.inputs[i].numel();
      const int64_t checked = std::min(n, kMaxElements);
      for (int64_t k = 0; k < checked; ++k) {
        const int64_t at = k * n / checked;
        const double want = CentralDifference(c.run, c.inputs, i, at);
        INFO("input " << i << ", element " << at);
        CHECK(got[static_cast<size_t>(at)] == Approx(want).epsilon(kTolerance).margin(kTolerance));
      }
    }
  });
}

TEST_CASE("recording a graph does not change the result") {
  ForEachDifferentiable([](const Case& c) {
    const Result recorded = Evaluate(c.run, c.inputs, c.wants);
    const Result plain{c.run(c.inputs), {}};
    CHECK(BitDifference({recorded.output, {}}, plain) == "");
  });
}

TEST_CASE("backward fills each input alone as it does all together") {
  ForEachDifferentiable([](const Case& c) {
    const Result all = Evaluate(c.run, c.inputs, c.wants);
    for (size_t i = 0; i < c.inputs.size(); ++i) {
      if (!c.wants[i]) continue;
      std::vector<bool> only(c.inputs.size(), false);
      only[i] = true;
      Result expected{all.output, std::vector<Tensor>(c.inputs.size())};
      expected.grads[i] = all.grads[i];
      CHECK(Difference(Evaluate(c.run, c.inputs, only), expected, kSame) == "");
    }
  });
}

TEST_CASE("backward may work in the gradient's own memory between other nodes") {
  ForEachDifferentiable([](const Case& c) {
    const RunFunction run = [&](Inputs in) { return Copy(WithCopiedInputs(c.run)(in)); };
    CHECK(Difference(Evaluate(run, c.inputs, c.wants), Evaluate(c.run, c.inputs, c.wants), kSame) ==
          "");
  });
}

TEST_CASE("backward adds to what another use of the input has left") {
  ForEachDifferentiable([](const Case& c) {
    const RunFunction twice = [&](Inputs in) { return Join(c.run(in), c.run(in)); };
    Result expected = Scaled(Evaluate(c.run, c.inputs, c.wants), 2);
    expected.output = twice(c.inputs);
    SECTION("leaf") {
      CHECK(Difference(Evaluate(twice, c.inputs, c.wants), expected, kSame) == "");
    }
    SECTION("computed") {
      CHECK(Difference(Evaluate(WithCopiedInputs(twice), c.inputs, c.wants), expected, kSame) ==
            "");
    }
  });
}

TEST_CASE("backward serves two inputs that are the same tensor") {
  ForEachDifferentiable([](const Case& c) {
    for (size_t j = 1; j < c.inputs.size(); ++j) {
      if (!c.wants[0] || !c.wants[j] || c.inputs[0].shape() != c.inputs[j].shape()) continue;
      std::vector<Tensor> inputs = c.inputs;
      inputs[j] = inputs[0].Clone();
      const Result apart = Evaluate(c.run, inputs, c.wants);
      const RunFunction shared = [&](Inputs in) {
        std::vector<Tensor> same = in;
        same[0] = same[j] = Copy(in[0]);
        return Copy(c.run(same));
      };
      std::vector<bool> wants = c.wants;
      wants[j] = false;
      Result expected = apart;
      expected.grads[0] = Join(apart.grads[0], apart.grads[j]);
      expected.grads[j] = Tensor();
      CHECK(Difference(Evaluate(shared, inputs, wants), expected, kSame) == "");
    }
  });
}

}  // namespace
}  // namespace convoy
