// What a step on a GPU decides without the host: skipping, stopping, loss scales, captured steps.
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include "core/backend.h"
#include "core/base/error.h"
#include "core/cuda/stream.h"
#include "core/readback.h"
#include "optim/adam.h"
#include "optim/sgd.h"
#include "tests/gpu.h"
#include "tests/optim/cuda/twins.h"
#if defined(CONVOY_SIM)
#include "tests/sim/control.h"
#endif

namespace convoy {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// What a graph or a skipped step must not touch, as it is to the last bit (finite values only).
std::vector<std::vector<double>> Everything(const Optimizer& optimizer) {
  std::vector<std::vector<double>> all;
  for (const auto& [name, shape, range, tensor] : optimizer.State()) {
    if (name != "skipped_steps") all.push_back(Doubles(tensor));
  }
  for (const NamedTensor& p : optimizer.parameters().parameters()) all.push_back(Doubles(p.tensor));
  return all;
}

void RequireSameStatus(const StepStatus& gpu, const StepStatus& cpu) {
  REQUIRE(gpu.steps == cpu.steps);
  REQUIRE(gpu.skipped_steps == cpu.skipped_steps);
  REQUIRE(gpu.skipped == cpu.skipped);
  REQUIRE(gpu.stopped == cpu.stopped);
  REQUIRE(gpu.loss_scale == cpu.loss_scale);
  REQUIRE(gpu.bad_step == cpu.bad_step);
  REQUIRE(gpu.bad_parameter == cpu.bad_parameter);
  if (std::isfinite(cpu.grad_norm)) {
    REQUIRE(gpu.grad_norm == Approx(cpu.grad_norm).epsilon(1e-12));
  } else {
    REQUIRE_FALSE(std::isfinite(gpu.grad_norm));
  }
}

// Of every kind, as far as can be seen.
int64_t HostWaits() {
#if defined(CONVOY_SIM)
  return cuda::HostWaits() + sim::HostSyncs() + sim::PageableCopies();
#else
  return cuda::HostWaits();
#endif
}

struct Bad {
  int step;
  size_t parameter;
  int64_t element;
  double value;
};

TEST_CASE("A GPU skips what the CPU skips, and names the same parameter") {
  CONVOY_NEED_GPUS(1);
  const std::vector<Bad> bad = {{1, 40, 20010, kNaN}, {1, 45, 0, kInfinity}, {3, 44, 4, -kInfinity},
                                {5, 45, 8191, kNaN},  {6, 17, 0, kNaN},      {6, 18, 0, kNaN},
                                {7, 43, 32, kNaN}};
  for (const DType dtype : {DType::kF32, DType::kF64, DType::kBF16, DType::kF16}) {
    for (const NonFinite mode : {NonFinite::kSkip, NonFinite::kStop}) {
      CAPTURE(Name(dtype), static_cast<int>(mode));
      Twins twins(dtype);
      AdamW cpu(twins.cpu, {.lr = 0.1}), gpu(twins.gpu, {.lr = 0.1});
      for (int step = 0; step < 8; ++step) {
        CAPTURE(step);
        twins.GiveGradients();
        for (const Bad& b : bad) {
          if (b.step == step) twins.Spoil(b.parameter, b.element, b.value);
        }
        const auto before = Everything(gpu);
        cpu.Step({.max_grad_norm = 10, .non_finite = mode});
        gpu.Step({.max_grad_norm = 10, .non_finite = mode});
        const StepStatus status = gpu.ReadStatus();
        RequireSameStatus(status, cpu.ReadStatus());
        REQUIRE((Everything(gpu) == before) == status.skipped);
      }
      if (mode == NonFinite::kStop) {
        REQUIRE_THROWS_WITH(gpu.CheckNotStopped(gpu.ReadStatus()),
                            "[AdamW] step 2: the norm of the gradient of 'p40' is not finite");
      }
    }
  }
}

TEST_CASE("A norm that overflows by itself names no parameter on a GPU either") {
  CONVOY_NEED_GPUS(1);
  Twins twins(DType::kF64);
  Sgd gpu(twins.gpu, {});
  twins.GiveGradients(5e152);
  gpu.Step({.non_finite = NonFinite::kStop});
  REQUIRE_THROWS_WITH(gpu.CheckNotStopped(gpu.ReadStatus()),
                      "[Sgd] step 1: the norm of the gradients is not finite");
}

TEST_CASE("A loss scale on a GPU grows and falls as on the CPU") {
  CONVOY_NEED_GPUS(1);
  const LossScalerOptions options{.initial = 64, .growth_interval = 3, .min = 8, .max = 256};
  for (const DType dtype : {DType::kF16, DType::kF32}) {
    Twins twins(dtype);
    LossScaler on_cpu(Device::Cpu(), options), on_gpu(Device::Cuda(0), options);
    AdamW cpu(twins.cpu, {}), gpu(twins.gpu, {});
    const Tensor loss = Tensor::Scalar(0.0f), loss_on_gpu = loss.To(Device::Cuda(0));
    for (int step = 0; step < 25; ++step) {
      CAPTURE(step);
      const double scale = on_cpu.scale();
      REQUIRE(on_gpu.scale() == scale);
      REQUIRE(on_gpu.Seed(loss_on_gpu, 0.5).Item<float>() == on_cpu.Seed(loss, 0.5).Item<float>());
      twins.GiveGradients(0.1 * scale);
      if (step > 12 && step < 19) twins.Spoil(static_cast<size_t>(step), 0, kInfinity);
      cpu.Step({.max_grad_norm = 1, .scaler = &on_cpu});
      gpu.Step({.max_grad_norm = 1, .scaler = &on_gpu});
      RequireSameStatus(gpu.ReadStatus(), cpu.ReadStatus());
    }
  }
}

TEST_CASE("A step never makes the host wait, and its status can be read later") {
  CONVOY_NEED_GPUS(1);
  Twins twins(DType::kF16);
  LossScaler scaler(Device::Cuda(0), {.initial = 4});
  AdamW gpu(twins.gpu, {.lr = 0.1});
  twins.GiveGradients(4);
  std::vector<Readback> statuses;
  const int64_t waits = HostWaits();
  for (int step = 0; step < 10; ++step) {
    gpu.set_lr(0.01 * step);
    for (const NamedTensor& p : twins.gpu.parameters()) MarkGradFresh(p.tensor);
    gpu.Step({.max_grad_norm = 1, .non_finite = NonFinite::kStop, .scaler = &scaler});
    statuses.emplace_back(gpu.status());
  }
  REQUIRE(HostWaits() == waits);
  for (size_t step = 0; step < 10; ++step) {
    const StepStatus status = gpu.Decode(statuses[step].Values<double>());
    REQUIRE(status.steps == static_cast<int64_t>(step) + 1);
    gpu.CheckNotStopped(status);
  }
}

TEST_CASE("A captured step goes on as the eager one: rates, step count, skips and scales") {
  CONVOY_NEED_GPUS(1);
  const Device device = Device::Cuda(0);
  Twins eager(DType::kBF16), graph(DType::kBF16);
  const LossScalerOptions options{.initial = 8, .growth_interval = 4};
  LossScaler eager_scaler(device, options), graph_scaler(device, options);
  AdamW a(eager.gpu, {.lr = 0.1}), b(graph.gpu, {.lr = 0.1});
  const StepOptions clip{.max_grad_norm = 5, .non_finite = NonFinite::kSkip};
  StepOptions eager_step = clip, graph_step = clip;
  eager_step.scaler = &eager_scaler;
  graph_step.scaler = &graph_scaler;

  graph.GiveGradients();  // so that none is missing while the step is captured
  eager.GiveGradients();
  const auto before = Everything(b);
  const auto recording = GetBackend(DeviceType::kCuda).Record(device, [&] { b.Step(graph_step); });
  REQUIRE(Everything(b) == before);  // nothing has happened yet
  for (int step = 0; step < 14; ++step) {
    CAPTURE(step);
    eager.GiveGradients(step);
    graph.GiveGradients(step);
    if (step == 6 || step == 7) {
      eager.Spoil(41, 0, kNaN);
      graph.Spoil(41, 0, kNaN);
    }
    for (AdamW* optimizer : {&a, &b}) optimizer->set_lr(0.02 * (step % 4));
    a.Step(eager_step);
    recording->Replay();
    RequireSameStatus(b.ReadStatus(), a.ReadStatus());
  }
  REQUIRE(a.ReadStatus().skipped_steps == 2);
  REQUIRE((Everything(b) == Everything(a)));
}

TEST_CASE("State moves between a GPU and the CPU") {
  CONVOY_NEED_GPUS(1);
  Twins twins(DType::kBF16), other(DType::kBF16);
  AdamW gpu(twins.gpu, {}), cpu(other.cpu, {});
  for (int step = 0; step < 3; ++step) {
    twins.GiveGradients();
    gpu.Step();
  }
  const std::vector<StateTensor> from = gpu.State(), to = cpu.State();
  for (size_t i = 0; i < from.size(); ++i) {
    REQUIRE(from[i].tensor.device() == Device::Cuda(0));
    to[i].tensor.CopyFrom(from[i].tensor);
  }
  for (size_t i = 0; i < twins.gpu.parameters().size(); ++i) {
    other.cpu.parameters()[i].tensor.CopyFrom(twins.gpu.parameters()[i].tensor);
  }
  REQUIRE(cpu.steps() == 3);
  REQUIRE((Everything(cpu) == Everything(gpu)));
}

}  // namespace
}  // namespace convoy
