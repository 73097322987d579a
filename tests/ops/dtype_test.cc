// Every op in every dtype against f64 on the same inputs, and with every instruction set.
#include "tests/instruction_set.h"
#include "tests/ops/drivers.h"

namespace convoy {
namespace {

void CheckAgainstF64(const OpSpec& row, const Sample& sample, DType dtype) {
  const std::vector<Tensor> inputs = MakeInputs(row, sample, dtype);
  const std::vector<bool> wants = Differentiable(row, sample, dtype);
  const Result got = Evaluate(RunOf(row, sample), inputs, wants);
  CHECK(Difference(got, EvaluateInF64(row, sample, inputs, wants), Tolerance(row, dtype)) == "");
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (wants[i]) CHECK(got.grads[i].dtype() == dtype);
  }
}

TEST_CASE("each dtype agrees with f64") {
  ForEachSample([](const OpSpec& row, const Sample& sample) {
    ForEachDType(row, [&](DType dtype) {
      if (dtype != DType::kF64) CheckAgainstF64(row, sample, dtype);
    });
  });
}

TEST_CASE("each instruction set that this processor has agrees with f64") {
  const std::vector<int64_t> targets = hwy::SupportedAndGeneratedTargets();
  ForEachSample([&](const OpSpec& row, const Sample& sample) {
    for (const int64_t target : targets) {
      INFO("instruction set " << hwy::TargetName(target));
      const OnlyTarget only(target);
      ForEachDType(row, [&](DType dtype) { CheckAgainstF64(row, sample, dtype); });
    }
  });
}

}  // namespace
}  // namespace convoy
