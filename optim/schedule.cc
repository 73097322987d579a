// Learning rates as pure functions of the step.
#include "optim/schedule.h"

#include <cmath>
#include <numbers>

#include "core/base/error.h"

namespace convoy {

Schedule::Schedule(Kind kind, const ScheduleOptions& options) : kind_(kind), options_(options) {
  CONVOY_CHECK(std::isfinite(options.max) && options.max >= 0,
               "[Schedule] max must be 0 or more, got {}", options.max);
  CONVOY_CHECK(options.warmup >= 0, "[Schedule] warmup must be 0 or more, got {}", options.warmup);
  if (kind == Kind::kConstant || kind == Kind::kStepDecay) return;
  CONVOY_CHECK(options.min >= 0 && options.min <= options.max,
               "[Schedule] min must lie in [0, max], got {} with max {}", options.min, options.max);
  CONVOY_CHECK(options.warmup < options.steps,
               "[Schedule] the warm-up must end before the decay: got warmup {}, steps {}",
               options.warmup, options.steps);
}

Schedule Schedule::Constant(const ScheduleOptions& options) { return {Kind::kConstant, options}; }
Schedule Schedule::Linear(const ScheduleOptions& options) { return {Kind::kLinear, options}; }
Schedule Schedule::Cosine(const ScheduleOptions& options) { return {Kind::kCosine, options}; }

Schedule Schedule::StepDecay(const StepDecayOptions& options) {
  CONVOY_CHECK(options.every > 0, "[Schedule] every must be over 0, got {}", options.every);
  CONVOY_CHECK(std::isfinite(options.factor) && options.factor >= 0,
               "[Schedule] factor must be 0 or more, got {}", options.factor);
  Schedule schedule(Kind::kStepDecay, {.max = options.max, .warmup = options.warmup});
  schedule.factor_ = options.factor;
  schedule.every_ = options.every;
  return schedule;
}

double Schedule::operator()(int64_t step) const {
  CONVOY_CHECK(step >= 0, "[Schedule] steps count from 0, got {}", step);
  const auto& [max, min, warmup, steps] = options_;
  if (step < warmup) {
    return max * static_cast<double>(step + 1) / static_cast<double>(warmup + 1);
  }
  const int64_t after = step - warmup;
  if (kind_ == Kind::kConstant) return max;
  if (kind_ == Kind::kStepDecay) {
    return max * std::pow(factor_, static_cast<double>(after / every_));
  }
  if (step >= steps) return min;
  const double ratio = static_cast<double>(after) / static_cast<double>(steps - warmup);
  const double left =
      kind_ == Kind::kLinear ? 1 - ratio : 0.5 * (1 + std::cos(std::numbers::pi * ratio));
  return min + left * (max - min);
}

}  // namespace convoy
