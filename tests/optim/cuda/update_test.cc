// Every optimizer, dtype and option on a GPU takes the steps that it takes on the CPU.
#include <catch2/catch.hpp>
#include <cmath>
#include <functional>
#include <memory>

#include "optim/adam.h"
#include "optim/sgd.h"
#include "tests/gpu.h"
#include "tests/optim/cuda/twins.h"

namespace convoy {
namespace {

using Make = std::function<std::unique_ptr<Optimizer>(const FlatParameters&)>;

// Every parameter is a segment of its own.
std::vector<ParamGroup> ManyGroups() {
  std::vector<ParamGroup> groups;
  for (int i = 0; i < 60; ++i) {
    groups.push_back(
        {.matches = [name = fmt::format("p{}", i)](const NamedTensor& p) { return p.name == name; },
         .lr_scale = 0.5 + 0.1 * (i % 13),
         .weight_decay = i % 3 * 0.05});
  }
  return groups;
}

Make MakeSgd(const SgdOptions& options) {
  return [options](const FlatParameters& flat) { return std::make_unique<Sgd>(flat, options); };
}
Make MakeAdam(const AdamOptions& options) {
  return [options](const FlatParameters& flat) { return std::make_unique<Adam>(flat, options); };
}
Make MakeAdamW(const AdamWOptions& options) {
  return [options](const FlatParameters& flat) { return std::make_unique<AdamW>(flat, options); };
}

// What is computed in f32 may differ in the last bits: the norm's order of additions, pow.
void RequireClose(const Tensor& gpu, const Tensor& cpu) {
  const std::vector<double> got = Doubles(gpu), expected = Doubles(cpu);
  const double tolerance = cpu.dtype() == DType::kF64    ? 1e-12
                           : cpu.dtype() == DType::kF32  ? 1e-5
                           : cpu.dtype() == DType::kBF16 ? 8e-3
                                                         : 1e-3;
  for (size_t i = 0; i < expected.size(); ++i) {
    const double bound = tolerance * (std::abs(expected[i]) + 0.01);
    if (!(std::abs(got[i] - expected[i]) <= bound)) {
      CAPTURE(i, tolerance);
      REQUIRE(got[i] == expected[i]);
    }
  }
}

void RequireSame(const Optimizer& gpu, const Optimizer& cpu) {
  const std::vector<StateTensor> on_gpu = gpu.State(), on_cpu = cpu.State();
  REQUIRE(on_gpu.size() == on_cpu.size());
  for (size_t i = 0; i < on_cpu.size(); ++i) {
    CAPTURE(on_cpu[i].name);
    REQUIRE(on_gpu[i].name == on_cpu[i].name);
    RequireClose(on_gpu[i].tensor, on_cpu[i].tensor);
  }
  for (size_t b = 0; b < cpu.parameters().buckets().size(); ++b) {  // padding too
    CAPTURE(b);
    RequireClose(gpu.parameters().buckets()[b].values, cpu.parameters().buckets()[b].values);
  }
}

void RequirePaddingIsZero(const FlatParameters& flat) {
  for (const FlatBucket& bucket : flat.buckets()) {
    const std::vector<double> values = Doubles(bucket.values);
    for (size_t e = 0; e < bucket.entries.size(); ++e) {
      const auto& [parameter, offset] = bucket.entries[e];
      const bool last = e + 1 == bucket.entries.size();
      const int64_t end = last ? bucket.numel() : bucket.entries[e + 1].offset;
      for (int64_t i = offset + parameter.tensor.numel(); i < end; ++i) {
        REQUIRE(values[static_cast<size_t>(i)] == 0);
      }
    }
  }
}

void RequireSameSteps(DType dtype, const Make& make) {
  for (const StepOptions& options :
       {StepOptions{}, StepOptions{.max_grad_norm = 20, .non_finite = NonFinite::kSkip}}) {
    CAPTURE(Name(dtype), options.max_grad_norm);
    Twins twins(dtype);
    const std::unique_ptr<Optimizer> cpu = make(twins.cpu), gpu = make(twins.gpu);
    for (int step = 0; step < 12; ++step) {
      for (Optimizer* optimizer : {cpu.get(), gpu.get()}) {
        optimizer->set_lr(step % 5 == 4 ? 0 : 0.01 * (1 + step));
      }
      twins.GiveGradients(step % 3 == 0 ? 1 : 0.05);
      cpu->Step(options);
      gpu->Step(options);
      if (step == 5) twins.Overwrite(3, 1.5);  // a 16-bit value leaves its master behind
    }
    REQUIRE(gpu->steps() == 12);
    RequireSame(*gpu, *cpu);
    RequirePaddingIsZero(twins.gpu);
    if (std::isfinite(options.max_grad_norm)) {
      REQUIRE(gpu->ReadStatus().grad_norm == Approx(cpu->ReadStatus().grad_norm).epsilon(1e-12));
    }
  }
}

constexpr DType kDTypes[] = {DType::kF32, DType::kF64, DType::kBF16, DType::kF16};

TEST_CASE("Sgd on a GPU") {
  CONVOY_NEED_GPUS(1);
  for (const DType dtype : kDTypes) {
    RequireSameSteps(dtype, MakeSgd({.lr = 1}));
    RequireSameSteps(dtype, MakeSgd({.lr = 1, .momentum = 0.9, .groups = ManyGroups()}));
    RequireSameSteps(dtype, MakeSgd({.momentum = 0.8, .nesterov = true, .weight_decay = 0.1}));
  }
}

TEST_CASE("Adam and AdamW on a GPU") {
  CONVOY_NEED_GPUS(1);
  for (const DType dtype : kDTypes) {
    RequireSameSteps(dtype, MakeAdam({.beta1 = 0.8, .beta2 = 0.99, .weight_decay = 0.05}));
    RequireSameSteps(dtype, MakeAdamW({.weight_decay = 0.1, .groups = NoDecayOnBiasesAndNorms()}));
    RequireSameSteps(dtype, MakeAdamW({.eps = 1e-6, .groups = ManyGroups()}));
  }
}

TEST_CASE("The norm of gradients on a GPU does not depend on when it is taken") {
  CONVOY_NEED_GPUS(1);
  for (const DType dtype : kDTypes) {
    Twins twins(dtype);
    twins.GiveGradients();
    Sgd sgd(twins.gpu, {.lr = 0});
    std::vector<double> norms;
    for (int i = 0; i < 3; ++i) {
      for (const NamedTensor& p : twins.gpu.parameters()) MarkGradFresh(p.tensor);
      sgd.Step({.non_finite = NonFinite::kSkip});
      norms.push_back(sgd.ReadStatus().grad_norm);
    }
    REQUIRE(norms[1] == norms[0]);
    REQUIRE(norms[2] == norms[0]);
  }
}

TEST_CASE("An optimizer without parameters steps on") {
  Sgd sgd(FlatParameters(ParameterList{}), {});
  sgd.Step({.max_grad_norm = 1});
  REQUIRE(sgd.steps() == 1);
}

}  // namespace
}  // namespace convoy
