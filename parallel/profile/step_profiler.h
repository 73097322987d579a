// Where the time of a training step goes: phases on the worker's device, and the sums behind them.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/time_mark.h"
#include "parallel/data_parallel.h"
#include "parallel/data_parallel/backward_trace.h"
#include "parallel/group/worker.h"

namespace convoy {

enum class StepPhase : uint8_t { kLoad, kForward, kBackward, kOptimizer, kOther };

/// "load", "forward", "backward", "optimizer", "other".
std::string_view Name(StepPhase phase);

/// One step of one worker, on its machine's steady clock; on a GPU: when the device did it.
struct StepTimes {
  using Time = std::chrono::steady_clock::time_point;

  struct Phase {
    StepPhase phase = StepPhase::kOther;
    Time begin, end;
  };
  struct Bucket {
    std::string name;  ///< "bucket 3 (fc1.weight, fc1.bias)"
    int64_t bytes = 0;
    Time ready;                                ///< its last gradient was written
    std::optional<Time> called, returned;      ///< around the call that started its sum
    std::optional<Time> started, ended;        ///< WorkTimes of the sum
    std::optional<Time> wait_begin, wait_end;  ///< around the wait for the sum
  };
  struct Parameter {
    std::string name;
    int64_t bytes = 0;
    Time ready;
  };

  std::vector<Phase> phases;          ///< one after the other, without gaps; at least one
  Time backward_begin, backward_end;  ///< of the (last) Backward
  /// In the order of the plan. Empty if the step was recorded; the sums' times are none if the
  /// worker is alone.
  std::vector<Bucket> buckets;
  std::vector<Parameter> parameters;  ///< in the order of the plan

  Time begin() const { return phases.front().begin; }
  Time end() const { return phases.back().end; }
};

/// Collects a worker's steps. Nothing waits for the device: a step is known once it has done it.
///
///     StepProfiler profiler(worker, net);
///     for (...) {
///       profiler.Enter(StepPhase::kForward);
///       const Tensor loss = CrossEntropy(model(images), labels);
///       profiler.Enter(StepPhase::kBackward);
///       net.Backward(loss, batch);
///       profiler.Enter(StepPhase::kOptimizer);
///       sgd.Step();
///       profiler.EndStep();
///       while (const auto step = profiler.Take()) Print(*step);
///     }
class StepProfiler {
 public:
  /// Turns on the tracing of `net`, which must outlive it.
  StepProfiler(Worker& worker, DataParallel& net);

  /// What comes next belongs to `phase`. The first call begins a step. Does nothing while a graph
  /// is recorded: a recorded step belongs to the phase that it was started in.
  void Enter(StepPhase phase);
  void EndStep();

  /// The oldest step that has not been taken; none if there is none, or if the device is not
  /// through with it.
  std::optional<StepTimes> Take();

 private:
  using Mark = BackwardTrace::Mark;
  struct Entry {
    std::vector<std::pair<StepPhase, Mark>> phases;  // with their begins
    Mark end;
    std::shared_ptr<const BackwardTrace> trace;
  };

  const Device device_;
  DataParallel& net_;
  Entry current_;
  std::deque<Entry> ended_;
};

}  // namespace convoy
