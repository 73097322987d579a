// Every op on a GPU, real or simulated, against the CPU.
#include <algorithm>
#include <map>

#include "core/autograd.h"
#include "tests/gpu.h"
#include "tests/ops/destinations.h"
#include "tests/ops/drivers.h"

namespace convoy {
namespace {

// Dtypes that an op takes on the CPU only, and why.
const std::map<std::string, std::pair<std::vector<DType>, std::string>> kNotOnGpu = {};

bool TakesOnGpu(const OpSpec& row, DType dtype) {
  const auto found = kNotOnGpu.find(row.op);
  if (found == kNotOnGpu.end()) return true;
  const std::vector<DType>& without = found->second.first;
  return std::find(without.begin(), without.end(), dtype) == without.end();
}

// Calls `f(row, sample, dtype)`.
template <typename F>
void ForEachOnGpu(F&& f) {
  ForEachSample([&](const OpSpec& row, const Sample& sample) {
    ForEachDType(row, [&](DType dtype) {
      if (TakesOnGpu(row, dtype)) f(row, sample, dtype);
    });
  });
}

// Runs backward `times` times without forgetting the gradients in between.
Result EvaluateTimes(const OpSpec& row, const Sample& sample, DType dtype, int times) {
  const std::vector<bool> wants = Differentiable(row, sample, dtype);
  std::vector<Tensor> leaves;
  for (const Tensor& input : MakeInputs(row, sample, dtype, Device::Cuda())) {
    leaves.push_back(input.Detach());
    if (wants[leaves.size() - 1]) leaves.back().SetRequiresGrad();
  }
  Result result;
  for (int i = 0; i < times; ++i) {
    result.output = RunOf(row, sample)(leaves);
    Backward(result.output, {.seed = Cotangent(result.output)});
  }
  for (const Tensor& leaf : leaves) result.grads.push_back(leaf.grad());
  return result;
}

bool AnyOf(const std::vector<bool>& wants) {
  return std::count(wants.begin(), wants.end(), true) > 0;
}

TEST_CASE("every op agrees with the CPU in f64, and with itself when run again") {
  CONVOY_NEED_GPUS(1);
  ForEachOnGpu([](const OpSpec& row, const Sample& sample, DType dtype) {
    const std::vector<bool> wants = Differentiable(row, sample, dtype);
    const std::vector<Tensor> inputs = MakeInputs(row, sample, dtype);
    std::vector<Tensor> on_gpu;
    for (const Tensor& input : inputs) on_gpu.push_back(input.To(Device::Cuda()));
    const Result got = Evaluate(RunOf(row, sample), on_gpu, wants);
    const Result want = EvaluateInF64(row, sample, inputs, wants);
    CHECK(got.output.device() == Device::Cuda());
    CHECK(Difference(got, want, Tolerance(row, dtype)) == "");
    for (size_t i = 0; i < inputs.size(); ++i) {
      if (!wants[i]) continue;
      CHECK(got.grads[i].dtype() == dtype);
      CHECK(got.grads[i].device() == Device::Cuda());
    }
    CHECK(BitDifference(Evaluate(RunOf(row, sample), on_gpu, wants), got) == "");
  });
}

TEST_CASE("backward on a GPU adds to the gradient that a leaf has") {
  CONVOY_NEED_GPUS(1);
  ForEachOnGpu([](const OpSpec& row, const Sample& sample, DType dtype) {
    if (!AnyOf(Differentiable(row, sample, dtype))) return;
    const Result once = EvaluateTimes(row, sample, dtype, 1);
    const Result twice = EvaluateTimes(row, sample, dtype, 2);
    CHECK(Difference(twice, Scaled(once, 2), Tolerance(row, dtype)) == "");
  });
}

TEST_CASE("backward on a GPU serves every kind of destination") {
  CONVOY_NEED_GPUS(1);
  ForEachSample([](const OpSpec& row, const Sample& sample) {
    const DType dtype = TakesOnGpu(row, DType::kF64) ? DType::kF64 : DType::kF32;
    if (!TakesOnGpu(row, dtype)) return;
    const std::vector<bool> wants = Differentiable(row, sample, dtype);
    if (!AnyOf(wants)) return;
    const std::vector<Tensor> inputs = MakeInputs(row, sample, dtype, Device::Cuda());
    const RunFunction& run = RunOf(row, sample);
    const Result plain = Evaluate(run, inputs, wants);
    const double tolerance = Tolerance(row, dtype);

    // In the gradient's own memory, between other nodes.
    const RunFunction between = [&](Inputs in) { return Copy(WithCopiedInputs(run)(in)); };
    CHECK(Difference(Evaluate(between, inputs, wants), plain, tolerance) == "");

    // Beside another use of the input, which is a leaf or computed.
    const RunFunction twice = [&](Inputs in) { return Join(run(in), run(in)); };
    Result doubled = Scaled(plain, 2);
    doubled.output = twice(inputs);
    CHECK(Difference(Evaluate(twice, inputs, wants), doubled, tolerance) == "");
    CHECK(Difference(Evaluate(WithCopiedInputs(twice), inputs, wants), doubled, tolerance) == "");

    // For one input alone.
    for (size_t i = 0; wants.size() > 1 && i < inputs.size(); ++i) {
      if (!wants[i]) continue;
      std::vector<bool> only(inputs.size(), false);
      only[i] = true;
      Result expected{plain.output, std::vector<Tensor>(inputs.size())};
      expected.grads[i] = plain.grads[i];
      CHECK(Difference(Evaluate(run, inputs, only), expected, tolerance) == "");
    }
  });
}

TEST_CASE("wrong inputs on a GPU give the messages that they give on the CPU") {
  CONVOY_NEED_GPUS(1);
  const ErrorDevice device(Device::Cuda());
  for (const auto& [op, row] : OpTable()) {
    for (size_t i = 0; i < row.errors.size(); ++i) {
      const ErrorCase& wrong = row.errors[i];
      std::string message = wrong.message;
      const bool two_devices = message.find("cpu:1") != std::string::npos;
      if (!wrong.on_gpu || (two_devices && !HaveGpus(2))) continue;
      for (size_t at; (at = message.find("cpu:")) != std::string::npos;) {
        message.replace(at, 4, "cuda:");
      }
      DYNAMIC_SECTION(op << ", wrong input " << i) { CHECK_THROWS_WITH(wrong.call(), message); }
    }
  }
}

}  // namespace
}  // namespace convoy
