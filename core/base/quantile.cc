// Medians and other quantiles of samples.
#include "core/base/quantile.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "core/base/error.h"

namespace convoy {

double Quantile(std::span<const double> samples, double q) {
  CONVOY_CHECK(q >= 0 && q <= 1, "[Quantile] expected a share from 0 to 1, got {}", q);
  CONVOY_CHECK(!samples.empty(), "[Quantile] expected at least one sample, got none");
  // NaNs have no order.
  if (std::any_of(samples.begin(), samples.end(), [](double x) { return std::isnan(x); })) {
    return std::numeric_limits<double>::quiet_NaN();
  }
  std::vector<double> sorted(samples.begin(), samples.end());
  std::sort(sorted.begin(), sorted.end());
  const double place = q * static_cast<double>(sorted.size() - 1);
  const size_t below = static_cast<size_t>(place);
  const size_t above = std::min(below + 1, sorted.size() - 1);
  // std::lerp has an exact start and end, and never leaves the two samples.
  return std::lerp(sorted[below], sorted[above], place - static_cast<double>(below));
}

double Median(std::span<const double> samples) { return Quantile(samples, 0.5); }

}  // namespace convoy
