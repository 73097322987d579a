// How much longer the slowest of many workers computes.
#pragma once

#include <cstdint>
#include <vector>

namespace convoy::scaling {

struct StragglerOptions {
  double sigma = 0;  ///< standard deviation of a worker's time for a step, over its mean; 0: none
  int steps = 300;   ///< how many steps are drawn
  uint64_t seed = 1;
};

/// The greatest of `workers` factors, normally distributed around 1, for every step: the mean is
/// about 1 + sigma sqrt(2 ln workers) for many workers. One step of 1 if sigma is 0.
std::vector<double> SlowestFactors(int workers, const StragglerOptions& options);

}  // namespace convoy::scaling
