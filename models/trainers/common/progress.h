// How a run shows where it is.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "models/trainers/common/metrics.h"

namespace convoy {

/// On a terminal one line, rewritten in place; elsewhere a plain line about every tenth of the run
/// and at least every ten seconds. Times and rates are means over the steps since the line before.
/// Writes to stdout.
class Progress {
 public:
  Progress(int64_t steps, bool show);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// After a step; `seconds_left` is an estimate.
  void Show(const StepMetrics& metrics, double seconds_left);
  /// The result of an evaluation; stays.
  void Print(const StepMetrics& metrics);
  /// A line of its own, which stays.
  void Print(const std::string& line);

 private:
  using Clock = std::chrono::steady_clock;

  void EndLine();
  std::string Line(const StepMetrics& metrics, double seconds_left) const;

  const int64_t steps_;
  const bool show_;
  const bool terminal_;
  bool line_open_ = false;  // the cursor stands behind a progress line
  int64_t next_step_ = 1;   // plain lines: when the next one is due
  // Since the last line.
  int64_t taken_ = 0;
  double ms_ = 0, samples_ = 0, tokens_ = 0;
  Clock::time_point last_;
};

}  // namespace convoy
