// Learning rates as pure functions of the step.
#pragma once

#include <cstdint>

namespace convoy {

/// Shared by Constant, Linear and Cosine.
struct ScheduleOptions {
  double max = 1e-3;   ///< reached when the warm-up ends
  double min = 0;      ///< at step `steps` and after; Constant ignores it
  int64_t warmup = 0;  ///< steps of linear warm-up
  int64_t steps = 0;   ///< where the decay ends, warm-up included; Constant ignores it
};

struct StepDecayOptions {
  double max = 1e-3;
  double factor = 0.1;  ///< the rate is multiplied by this ...
  int64_t every = 1;    ///< ... every so many steps after the warm-up
  int64_t warmup = 0;
};

/// `optimizer.set_lr(schedule(step))` before each Step, counting from 0. Step `s` of `warmup`
/// warm-up steps has rate max * (s + 1) / (warmup + 1), so that the first step is not lost.
class Schedule {
 public:
  /// `max` after the warm-up.
  static Schedule Constant(const ScheduleOptions& options);
  /// From `max` in a straight line to `min`. Throws: Error unless warmup < steps.
  static Schedule Linear(const ScheduleOptions& options);
  /// From `max` along half a cosine to `min`. Throws: Error unless warmup < steps.
  static Schedule Cosine(const ScheduleOptions& options);
  /// `max`, multiplied by `factor` every `every` steps. Throws: Error unless every > 0.
  static Schedule StepDecay(const StepDecayOptions& options);

  /// The learning rate of a step. Throws: Error on a negative step.
  double operator()(int64_t step) const;

 private:
  enum class Kind : uint8_t { kConstant, kLinear, kCosine, kStepDecay };

  Schedule(Kind kind, const ScheduleOptions& options);

  Kind kind_;
  ScheduleOptions options_;
  double factor_ = 1;
  int64_t every_ = 1;
};

}  // namespace convoy
