// The run loop of every trainer, as one worker sees it.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "models/trainers/common/metrics.h"
#include "models/trainers/common/progress.h"
#include "models/trainers/common/task.h"
#include "models/trainers/common/train_step.h"
#include "parallel/profile/timeline.h"

namespace convoy {

/// Trains, evaluates and saves. All methods are collective; the main worker prints.
///
/// On a GPU the loop runs up to two steps ahead, so that the device never waits for the host. The
/// report of a step is read, shown and acted on that much later, in the same step on every worker.
class TrainingRun {
 public:
  using Clock = std::chrono::steady_clock;

  /// `launched`: when the process started. `metrics`, used by the main worker, outlives the run.
  TrainingRun(Worker& worker, const Trainer& trainer, MetricsFile& metrics,
              Clock::time_point launched);

  /// Does the whole run. Throws: Error if the loss or the gradient is not finite, naming step and
  /// parameter, unless such steps are to be skipped.
  void Run();

 private:
  struct InFlight {
    int64_t step;
    double lr;
    double exposed_comm_ms;
    Readback report;
  };

  void CheckReplicas(int64_t step);
  void Train();
  void PrintHeader();
  void Start(int64_t step);
  /// Reads the reports of all but the newest `left` steps.
  void Settle(size_t left);
  /// The metrics of the oldest step in flight; none if the step was given up.
  std::optional<StepMetrics> Take();
  [[noreturn]] void FailNotFinite(const StepMetrics& metrics, const StepReport& report);
  Evaluation Evaluate(bool complete);
  void Record(const StepMetrics& metrics);
  /// Calls `body`, and puts the time that it took into the timeline.
  void AddToTimeline(const char* name, const std::function<void()>& body);
  /// Puts the steps whose times have arrived into the timeline.
  void AddToTimeline();
  void PrintSummary();

  Worker& worker_;
  const Trainer& trainer_;
  const CommonFlags& flags_;
  MetricsFile& metrics_file_;
  const Clock::time_point launched_;
  std::unique_ptr<Task> task_;
  std::optional<TrainStep> step_;
  Schedule schedule_;
  Progress progress_;
  std::optional<Timeline> timeline_;
  int64_t timeline_step_ = 0;            // the last one in it
  std::vector<std::string> init_notes_;  // how --init was read

  std::deque<InFlight> in_flight_;
  Clock::time_point last_settled_;  // when the step before ended, or the evaluation after it
  int stop_signal_ = 0;             // a step's report has said so

  // For the summary.
  Clock::time_point started_;
  std::vector<double> step_ms_;
  double exposed_comm_ms_ = 0;  // summed over steps
  double samples_ = 0;
  int64_t skipped_ = 0;
  double first_step_s_ = 0;  // from launch to the end of the first step
  double training_s_ = 0;    // since started_, evaluations included
  StepMetrics last_;
  std::optional<StepMetrics> last_evaluated_;
};

}  // namespace convoy
