// What a model asks of data-parallel training: sizes of its gradients, and when they appear.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/dtype.h"
#include "parallel/data_parallel/bucket_plan.h"

namespace convoy {

struct ParameterProfile {
  std::string name;
  int64_t bytes = 0;  ///< of its gradient
  DType dtype = DType::kF32;
  double ready_ms = 0;  ///< from the start of backward to the gradient's last contribution
};

/// A step of one worker that is alone: all that a prediction needs to know of a model. Times are in
/// milliseconds.
struct ModelProfile {
  std::string model;      ///< "gpt2-124m"
  std::string source;     ///< where the times are from: a machine and a command, or a publication
  std::string unit;       ///< what throughput counts: "samples", "tokens", "images"
  double units = 0;       ///< of these in a worker's batch
  double forward_ms = 0;  ///< with all that comes before it, such as loading the batch
  double backward_ms = 0;
  double optimizer_ms = 0;  ///< of all parameters; a bucket's share is that of its bytes
  std::vector<ParameterProfile> parameters;  ///< in order of registration: forward's

  double step_ms() const { return forward_ms + backward_ms + optimizer_ms; }
  int64_t bytes() const;
  /// For PlanSizes.
  std::vector<ParameterSize> sizes() const;
};

/// A TOML file of these fields, with a line for every parameter.
/// Throws: Error `[profile] FILE:LINE: ...` on what is missing, unknown, negative, not a number, or
/// ready after backward has ended.
ModelProfile ReadProfile(const std::string& path);
/// Replaces the file. Throws: Error if it cannot be written.
void WriteProfile(const std::string& path, const ModelProfile& profile);

}  // namespace convoy
