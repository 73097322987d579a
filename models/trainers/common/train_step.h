// One optimizer step, given to the worker's device without waiting for it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "core/readback.h"
#include "models/trainers/common/task.h"
#include "optim/loss_scaler.h"
#include "optim/optimizer.h"
#include "parallel/data_parallel.h"
#include "parallel/profile/step_profiler.h"
#include "parallel/step_graph.h"

namespace convoy {

/// What a step did. The same on every worker, but for own_loss.
struct StepReport {
  double loss = 0;      ///< mean over the global batch
  double own_loss = 0;  ///< this worker's part of it
  /// The signal that asked any worker to stop before the step or in it; 0: none.
  int stop_signal = 0;
  /// Whether any worker was asked to stop between two micro-batches. Then the step was given up:
  /// nothing was updated, and the other figures mean nothing.
  bool given_up = false;
  double samples = 0;  ///< of all workers
  StepStatus status;
};

class TrainStep {
 public:
  /// Moves the model's parameters into buckets. Collective.
  TrainStep(Worker& worker, Task& task, const CommonFlags& flags);

  /// Starts a step on the task's next batch. On a GPU the host does not wait: Read waits for the
  /// report that this returns. `stop_signal` returns the signal that has asked this worker to stop,
  /// or 0; on the CPU it is called between micro-batches too. Collective.
  Readback Start(double lr, int (*stop_signal)());
  StepReport Read(const Readback& report) const;

  /// Switches the timing of steps on or off, from the next step on.
  void Profile(bool on);
  /// Has the times of the steps that were timed; null if there were none.
  StepProfiler* profiler() { return profiler_ ? &*profiler_ : nullptr; }

  const DataParallel& net() const { return net_; }
  const FlatParameters& parameters() { return net_.Parameters(); }
  const Optimizer& optimizer() const { return *optimizer_; }

 private:
  /// Forward and backward of all micro-batches, and the update. May be recorded.
  void Compute(const Batch& batch, int (*stop_signal)());
  /// The next phase of the step.
  void Enter(StepPhase phase);
  /// Adds a worker's part to the loss that all workers sum.
  void AddLoss(const Tensor& loss, double weight);

  Worker& worker_;
  Task& task_;
  const CommonFlags& flags_;
  DataParallel net_;
  std::unique_ptr<Optimizer> optimizer_;
  std::optional<LossScaler> scaler_;
  std::optional<StepProfiler> profiler_;
  bool profiling_ = false;

  Tensor
      host_part_;  // (5) f64: this worker's part of sums_, but for the loss, which the device adds
  Tensor report_;  // f64: sums_, this worker's loss, the optimizer's status
  Tensor sums_;    // (5) f64, a view of report_: summed over workers, in the order of enum Sum

  std::optional<StepGraph> graph_;
  std::map<std::string, Batch> inputs_;  // of recorded steps: refilled before each replay
};

}  // namespace convoy
