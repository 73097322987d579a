// CPU kernels of a step's control.
#include <algorithm>

#include "optim/step_kernels.h"

namespace convoy {
namespace {

// The parameter with the first sum that is not finite, or -1: only their total overflowed.
int64_t BadParameter(const StepBuffers& buffers) {
  const double* parts = buffers.parts.data<double>();
  const double* end = parts + buffers.parts.numel();
  const double* bad = std::find_if_not(parts, end, IsFiniteSum);
  if (bad == end) return -1;
  return ParameterOfPart(buffers.entries.data<int64_t>(), buffers.entries.numel(), bad - parts);
}

// Several sums side by side, since each addition waits for the one before.
double SumOf(const double* parts, int64_t n) {
  constexpr int64_t kLanes = 8;
  double sums[kLanes] = {};
  for (int64_t i = 0; i < n; ++i) sums[i % kLanes] += parts[i];
  double sum = 0;
  for (const double lane : sums) sum += lane;
  return sum;
}

void PrepareStep(const StepBuffers& buffers, const View& scaler, const StepRule& rule) {
  const double sum = rule.measure ? SumOf(buffers.parts.data<double>(), buffers.parts.numel()) : 0;
  StepControl& control = *ControlOf(buffers.control);
  if (DecideStep(rule, sum, control, *CountersOf(buffers.counters), ScalerOf(scaler))) {
    control.bad_parameter = static_cast<double>(BadParameter(buffers));
  }
}

void FillScaled(const View& scaler, double weight, const View& to) {
  const double value = weight * ScalerOf(scaler)->scale;
  DispatchFloating(to.dtype(), "LossScaler", [&]<typename T>(T) {
    *to.data<T>() = static_cast<T>(static_cast<ComputeType<T>>(value));
  });
}

CONVOY_REGISTER_KERNEL(prepare_step, kCpu, PrepareStep);
CONVOY_REGISTER_KERNEL(fill_scaled, kCpu, FillScaled);

}  // namespace
}  // namespace convoy
