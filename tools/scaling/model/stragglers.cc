// How much longer the slowest of many workers computes.
#include "tools/scaling/model/stragglers.h"

#include <algorithm>
#include <random>

#include "core/base/error.h"

namespace convoy::scaling {

std::vector<double> SlowestFactors(int workers, const StragglerOptions& options) {
  CONVOY_CHECK(options.sigma >= 0 && options.sigma < 1 && options.steps > 0,
               "[stragglers] wants a sigma from 0 to 1 and at least one step, got {} and {}",
               options.sigma, options.steps);
  if (options.sigma == 0 || workers == 1) return {1};
  std::vector<double> factors;
  for (int step = 0; step < options.steps; ++step) {
    // The seed makes worker k's factor in a step the same, however many workers there are.
    std::seed_seq seed{static_cast<uint32_t>(options.seed),
                       static_cast<uint32_t>(options.seed >> 32), static_cast<uint32_t>(step)};
    std::mt19937_64 bits(seed);
    std::normal_distribution<double> factor(1, options.sigma);
    double slowest = factor(bits);
    for (int w = 1; w < workers; ++w) slowest = std::max(slowest, factor(bits));
    factors.push_back(slowest);
  }
  return factors;
}

}  // namespace convoy::scaling
