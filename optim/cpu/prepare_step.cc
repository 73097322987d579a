// CPU kernels of a step's control.
#include <algorithm>

#include "optim/step_kernels.h"

namespace convoy {
namespace {

// The first parameter of `span` with an element in [begin, end) that is not finite, or -1.
int64_t BadEntry(const GradientSpan& span, const int64_t* offsets, int64_t last_entry,
                 int64_t begin, int64_t end) {
  return DispatchFloating(static_cast<DType>(span.dtype), "GradNorm", [&]<typename T>(T) {
    const T* x = reinterpret_cast<const T*>(span.address);
    const T* bad = std::find_if_not(x + begin, x + end, IsFiniteElement<T>);
    return bad == x + end ? -1 : EntryAt(offsets, span.first_entry, last_entry, bad - x);
  });
}

// The sums name the chunk to look at; squares of f64 elements may also overflow by themselves.
int64_t BadParameter(const StepBuffers& buffers) {
  const auto* spans = reinterpret_cast<const GradientSpan*>(buffers.spans.data<int64_t>());
  const double* parts = buffers.parts.data<double>();
  const double* bad =
      std::find_if_not(parts, parts + buffers.parts.numel(), IsFiniteElement<double>);
  const int64_t part = bad - parts;
  if (part == buffers.parts.numel()) return -1;
  int64_t s = buffers.spans.dim(0) - 1;
  while (spans[s].first_part > part) --s;
  const bool last = s + 1 == buffers.spans.dim(0);
  const int64_t begin = (part - spans[s].first_part) * kNormChunk;
  return BadEntry(spans[s], buffers.entries.data<int64_t>(),
                  last ? buffers.entries.numel() : spans[s + 1].first_entry, begin,
                  std::min(begin + kNormChunk, spans[s].numel));
}

void PrepareStep(const StepBuffers& buffers, const View& scaler, const StepRule& rule) {
  double sum = 0;
  if (rule.measure) {
    for (int64_t c = 0; c < buffers.parts.numel(); ++c) sum += buffers.parts.data<double>()[c];
  }
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
