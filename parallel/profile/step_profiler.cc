// Where the time of a training step goes: phases on the worker's device, and the sums behind them.
#include "parallel/profile/step_profiler.h"

#include <utility>

#include "core/base/error.h"

namespace convoy {
namespace {

using Time = StepTimes::Time;

// Reads marks; remembers whether one has no time yet.
class Reader {
 public:
  Time operator()(const BackwardTrace::Mark& mark) {
    const std::optional<Time> at = mark->at();
    complete_ = complete_ && at.has_value();
    return at.value_or(Time());
  }
  std::optional<Time> IfSet(const BackwardTrace::Mark& mark) {
    return mark ? std::optional<Time>((*this)(mark)) : std::nullopt;
  }
  bool complete() const { return complete_; }

 private:
  bool complete_ = true;
};

void ReadTrace(const BackwardTrace& trace, Reader& read, StepTimes& step) {
  if (!trace.begin || !trace.end) return;  // recorded
  step.backward_begin = read(trace.begin);
  step.backward_end = read(trace.end);
  for (const BackwardTrace::Bucket& bucket : trace.buckets) {
    const WorkTimes sum = bucket.reduction.times();
    step.buckets.push_back({.name = bucket.name,
                            .bytes = bucket.bytes,
                            .ready = read(bucket.ready),
                            .called = read.IfSet(bucket.called),
                            .returned = read.IfSet(bucket.returned),
                            .started = sum.started,
                            .ended = sum.ended,
                            .wait_begin = read.IfSet(bucket.wait_begin),
                            .wait_end = read.IfSet(bucket.wait_end)});
  }
  for (const BackwardTrace::Parameter& parameter : trace.parameters) {
    step.parameters.push_back({parameter.name, parameter.bytes, read(parameter.ready)});
  }
}

}  // namespace

std::string_view Name(StepPhase phase) {
  switch (phase) {
    case StepPhase::kLoad:
      return "load";
    case StepPhase::kForward:
      return "forward";
    case StepPhase::kBackward:
      return "backward";
    case StepPhase::kOptimizer:
      return "optimizer";
    case StepPhase::kOther:
      break;
  }
  return "other";
}

StepProfiler::StepProfiler(Worker& worker, DataParallel& net)
    : device_(worker.device()), net_(net) {
  net_.set_tracing(true);
}

void StepProfiler::Enter(StepPhase phase) {
  Mark begin = MarkTime(device_);
  if (begin) current_.phases.emplace_back(phase, std::move(begin));  // not while it is recorded
}

void StepProfiler::EndStep() {
  CONVOY_CHECK(!current_.phases.empty(), "[StepProfiler] EndStep without Enter before");
  current_.end = MarkTime(device_);
  current_.trace = net_.trace();
  ended_.push_back(std::exchange(current_, {}));
}

std::optional<StepTimes> StepProfiler::Take() {
  if (ended_.empty()) return {};
  const Entry& entry = ended_.front();
  Reader read;
  StepTimes step;
  const Time end = read(entry.end);
  for (size_t i = 0; i < entry.phases.size(); ++i) {
    const auto& [phase, begin] = entry.phases[i];
    const bool last = i + 1 == entry.phases.size();
    step.phases.push_back({phase, read(begin), last ? end : read(entry.phases[i + 1].second)});
  }
  if (entry.trace) ReadTrace(*entry.trace, read, step);
  if (!read.complete()) return {};
  ended_.pop_front();
  return step;
}

}  // namespace convoy
