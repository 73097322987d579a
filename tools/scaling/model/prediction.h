// What data-parallel training is predicted to do on more workers than there are.
#pragma once

#include <string>
#include <vector>

#include "tools/scaling/measure/model_profile.h"

namespace convoy::scaling {

/// What is predicted for one number of workers. Times are in milliseconds.
struct PredictedSize {
  int workers = 0;
  double step_ms = 0;
  double units_per_s = 0;       ///< throughput of all workers
  double efficiency = 0;        ///< throughput of a worker over that of one alone; 1 is perfect
  double communication_ms = 0;  ///< all allreduces
  double exposed_ms = 0;        ///< the part of them that no computing hides
  double waiting_ms = 0;        ///< waiting for the slowest worker
  std::string algorithm;     ///< the one that reduces most bytes: "ring", "tree", "two-level", ...
  int costliest_bucket = 0;  ///< the bucket whose allreduce adds most to the step
  std::string costliest_name;  ///< "bucket 3 (fc6.weight)"
  double costliest_ms = 0;     ///< by how much the step shortens if that allreduce took no time
};

struct Prediction {
  std::string model;
  std::string links;                     ///< the name of the system
  std::string unit;                      ///< "images"
  std::vector<std::string> assumptions;  ///< all that the figures rest on
  std::vector<PredictedSize> sizes;      ///< ascending
  std::vector<PublishedPoint> published;
  std::vector<std::string> remarks;  ///< published without figures
};

}  // namespace convoy::scaling
