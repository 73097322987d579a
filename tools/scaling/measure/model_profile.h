// What a model asks of data-parallel training: sizes of its gradients, and when they appear.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/dtype.h"
#include "parallel/data_parallel/bucket_plan.h"

namespace convoy::scaling {

struct ParameterProfile {
  std::string name;
  int64_t bytes = 0;  ///< size of its gradient
  DType dtype = DType::kF32;
  double ready_ms = 0;  ///< from the start of backward to the gradient's last contribution
};

/// A published measurement of how a model scales, shown beside a prediction.
struct PublishedPoint {
  int workers = 0;
  double efficiency = 0;  ///< throughput over `workers` times that of one worker
  std::string source;
};

/// A step on one worker without communication: all that a prediction needs to know of a model.
/// Times are in milliseconds.
struct ModelProfile {
  std::string model;      ///< "gpt2-124m"
  std::string source;     ///< where the times are from: a machine and a command, or a publication
  std::string unit;       ///< what throughput counts: "samples", "tokens", "images"
  double units = 0;       ///< how many of these a worker's batch has
  double forward_ms = 0;  ///< includes what comes before it, such as loading the batch
  double backward_ms = 0;
  double optimizer_ms = 0;  ///< for all parameters; a bucket takes a share by its bytes
  std::vector<ParameterProfile>
      parameters;  ///< in order of registration, taken for that of forward
  std::vector<PublishedPoint> published;
  std::vector<std::string> remarks;  ///< published without figures

  double step_ms() const { return forward_ms + backward_ms + optimizer_ms; }
  /// Size of all gradients.
  int64_t bytes() const;
  /// The parameters as PlanSizes takes them.
  std::vector<ParameterSize> sizes() const;
};

}  // namespace convoy::scaling
