// What data-parallel training is predicted to do on more workers than there are.
#pragma once

#include <string>
#include <vector>

namespace convoy {

/// One number of workers. Times are in milliseconds.
struct PredictedSize {
  int workers = 0;
  double step_ms = 0;
  double units_per_s = 0;       ///< of all workers
  double efficiency = 0;        ///< of one worker alone: 1 is perfect
  double communication_ms = 0;  ///< all sums
  double exposed_ms = 0;        ///< of these, what nothing hides
  double waiting_ms = 0;        ///< for the slowest worker
  std::string algorithm;     ///< the best for most bytes: "ring", "tree", "two-level", "nvls", ...
  int costliest_bucket = 0;  ///< whose sum adds most to the step
  std::string costliest_name;  ///< "bucket 3 (fc6.weight)"
  double costliest_ms = 0;     ///< what the step would gain if this bucket's sum took no time
};

/// What somebody has measured and published, to be seen beside it.
struct PublishedPoint {
  int workers = 0;
  double efficiency = 0;
  std::string source;
};

struct Prediction {
  std::string model;
  std::string links;                     ///< the name of the system
  std::string unit;                      ///< "images"
  std::vector<std::string> assumptions;  ///< one a line: all that the figures stand on
  std::vector<PredictedSize> sizes;      ///< ascending
  std::vector<PublishedPoint> published;
  std::vector<std::string> remarks;  ///< what was published without a figure
};

}  // namespace convoy
