// Median, quartiles and mean of repetitions.
#pragma once

#include <numeric>
#include <span>

#include "core/base/quantile.h"
#include "tools/scaling/measure/results.h"

namespace convoy::scaling {

/// Throws: Error if there is no sample.
inline Spread SpreadOf(std::span<const double> samples) {
  return {.median = Median(samples),
          .low = Quantile(samples, 0.25),
          .high = Quantile(samples, 0.75),
          .mean = std::accumulate(samples.begin(), samples.end(), 0.0) /
                  static_cast<double>(samples.size())};
}

}  // namespace convoy::scaling
