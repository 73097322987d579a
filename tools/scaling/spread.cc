// Medians and quartiles of repetitions.
#include "tools/scaling/spread.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "core/error.h"

namespace convoy {
namespace {

double OfSorted(const std::vector<double>& sorted, double q) {
  const double place = q * static_cast<double>(sorted.size() - 1);
  const size_t below = static_cast<size_t>(place);
  const size_t above = std::min(below + 1, sorted.size() - 1);
  // std::lerp has an exact start and end, and never leaves the two samples.
  return std::lerp(sorted[below], sorted[above], place - static_cast<double>(below));
}

// Empty if one is NaN: those have no order.
std::vector<double> Sorted(std::span<const double> samples) {
  CONVOY_CHECK(!samples.empty(), "[Quantile] expected at least one sample, got none");
  std::vector<double> sorted(samples.begin(), samples.end());
  if (std::any_of(sorted.begin(), sorted.end(), [](double x) { return std::isnan(x); })) return {};
  std::sort(sorted.begin(), sorted.end());
  return sorted;
}

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

}  // namespace

double Quantile(std::span<const double> samples, double q) {
  CONVOY_CHECK(q >= 0 && q <= 1, "[Quantile] expected a share from 0 to 1, got {}", q);
  const std::vector<double> sorted = Sorted(samples);
  return sorted.empty() ? kNaN : OfSorted(sorted, q);
}

double Median(std::span<const double> samples) { return Quantile(samples, 0.5); }

Spread SpreadOf(std::span<const double> samples) {
  const std::vector<double> sorted = Sorted(samples);
  if (sorted.empty()) return {.median = kNaN, .low = kNaN, .high = kNaN};
  return {.median = OfSorted(sorted, 0.5),
          .low = OfSorted(sorted, 0.25),
          .high = OfSorted(sorted, 0.75)};
}

}  // namespace convoy
