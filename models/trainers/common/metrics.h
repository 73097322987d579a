// What is known about a step, and the file that --metrics writes it to.
#pragma once

#include <cstdint>
#include <fstream>
#include <optional>
#include <string>

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

/// Writes a line a step, each flushed. Without a path it writes nothing.
class MetricsFile {
 public:
  MetricsFile() = default;
  /// Throws: Error if the file cannot be opened.
  explicit MetricsFile(const std::string& path);

  /// Throws: Error if the line cannot be written.
  void Write(const StepMetrics& metrics);

 private:
  std::string path_;
  std::ofstream file_;
};

}  // namespace convoy
