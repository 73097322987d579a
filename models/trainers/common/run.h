// The run loop of every trainer, as one worker sees it.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "models/trainers/common/metrics.h"
#include "models/trainers/common/progress.h"
#include "models/trainers/common/task.h"
#include "optim/optimizer.h"
#include "parallel/data_parallel.h"

namespace convoy {

/// Trains, evaluates and saves. All methods are collective; the main worker prints.
class TrainingRun {
 public:
  using Clock = std::chrono::steady_clock;

  /// `launched`: when the process started. `metrics`, used by the main worker, outlives the run.
  TrainingRun(Worker& worker, const Trainer& trainer, MetricsFile& metrics,
              Clock::time_point launched);

  /// All of it. Throws: Error if the loss or the gradient is not finite, naming the step.
  void Run();

 private:
  /// Sums over all workers.
  struct Shared {
    double loss = 0;
    bool stop = false;
    double samples = 0;
  };

  void PrintHeader();
  /// Forward and backward of all micro-batches; the gradients are those of the global batch.
  Shared ForwardBackward();
  /// One optimizer step. Returns whether a signal has asked any worker to stop.
  bool Step(StepMetrics& metrics);
  Evaluation Evaluate(bool complete);
  void Record(const StepMetrics& metrics);
  void PrintSummary();

  Worker& worker_;
  const Trainer& trainer_;
  const CommonFlags& flags_;
  MetricsFile& metrics_file_;
  const Clock::time_point launched_;
  std::unique_ptr<Task> task_;
  std::optional<DataParallel> net_;
  std::unique_ptr<Optimizer> optimizer_;
  Schedule schedule_;
  Progress progress_;

  // For the summary.
  std::vector<double> step_ms_;
  double exposed_comm_ms_ = 0;  // summed over steps
  double samples_ = 0;
  double first_step_s_ = 0;  // from launch to the end of the first step
  double training_s_ = 0;
  StepMetrics last_;
  std::optional<StepMetrics> last_evaluated_;
};

}  // namespace convoy
