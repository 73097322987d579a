// What is checked of an op on a GPU, real or simulated.
#include "tests/ops/cuda_checks.h"

#include <algorithm>
#include <catch2/catch.hpp>

#include "core/autograd.h"
#include "tests/ops/destinations.h"

namespace convoy {
namespace {

bool AnyOf(const std::vector<bool>& wants) {
  return std::count(wants.begin(), wants.end(), true) > 0;
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

}  // namespace

void CheckAgainstCpu(const OpSpec& row, const Sample& sample, DType dtype) {
  const std::vector<bool> wants = Differentiable(row, sample, dtype);
  const std::vector<Tensor> inputs = MakeInputs(row, sample, dtype);
  std::vector<Tensor> on_gpu;
  for (const Tensor& input : inputs) on_gpu.push_back(input.To(Device::Cuda()));
  const Result got = Evaluate(RunOf(row, sample), on_gpu, wants);
  CHECK(got.output.device() == Device::Cuda());
  CHECK(Difference(got, EvaluateInF64(row, sample, inputs, wants), Tolerance(row, dtype)) == "");
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (!wants[i]) continue;
    CHECK(got.grads[i].dtype() == dtype);
    CHECK(got.grads[i].device() == Device::Cuda());
  }
  CHECK(BitDifference(Evaluate(RunOf(row, sample), on_gpu, wants), got) == "");
}

void CheckAccumulation(const OpSpec& row, const Sample& sample, DType dtype) {
  if (!AnyOf(Differentiable(row, sample, dtype))) return;
  const Result once = EvaluateTimes(row, sample, dtype, 1);
  const Result twice = EvaluateTimes(row, sample, dtype, 2);
  CHECK(Difference(twice, Scaled(once, 2), Tolerance(row, dtype)) == "");
}

void CheckDestinations(const OpSpec& row, const Sample& sample, DType dtype) {
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
}

}  // namespace convoy
