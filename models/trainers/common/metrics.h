// What is known about a step, and the file that --metrics writes it to.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/base/file.h"
#include "parallel/group/worker.h"

namespace convoy {

struct Evaluation {
  double loss = 0;
  std::optional<double> accuracy;
};

/// All of one step, as progress lines and --metrics show it.
struct StepMetrics {
  int64_t step = 0;  ///< counts from 1; 0 is the state before training
  double loss = 0;   ///< mean over the global batch
  double lr = 0;
  double grad_norm = 0;              ///< before clipping
  std::optional<double> loss_scale;  ///< with dynamic loss scaling
  bool skipped = false;              ///< nothing was updated: the gradients were not finite
  double step_ms = 0;        ///< of wall time, from the end of the step before or of its evaluation
  double samples_per_s = 0;  ///< of this step alone
  std::optional<double> tokens_per_s;
  double exposed_comm_ms = 0;
  std::optional<Evaluation> evaluation;
};

/// One JSON object on one line, without the line's end. Numbers that are not finite are null.
std::string ToJson(const StepMetrics& metrics);

/// Reports at the end of a run that the file of `flag` is not complete: `what` ("its metrics are
/// not: ..."). On a worker that a signal has stopped early this is a warning, since the signal
/// decides the exit status.
/// Throws: Error on other workers.
void TellIncomplete(const Worker& worker, const char* flag, const std::string& what);

/// Writes a line for every step, each at once. Without a path it writes nothing.
class MetricsFile {
 public:
  /// Empties the file, or makes it, and locks it until the end of this object.
  /// Throws: Error if the file cannot be opened, or if another run is writing to it.
  explicit MetricsFile(const std::string& path);

  /// If the line cannot be written, a warning says so on stderr, the lines before it stay, and no
  /// more are written: a run is worth more than its metrics.
  void Write(const StepMetrics& metrics);
  /// Calls TellIncomplete if a line is missing.
  void Finish(const Worker& worker) const;

 private:
  const std::string path_;
  std::optional<Descriptor> file_;
  bool is_stream_ = false;
  int64_t bytes_ = 0;
  std::string failure_;
};

}  // namespace convoy
