// Figures of a scaling report as people read them; independent of the locale.
#pragma once

#include <span>
#include <string>

#include "tools/scaling/results.h"

namespace convoy {

/// How many decimals show a column of figures, so that the largest has three or four digits: 2
/// for 35.0, 0 for 1,234. What is not finite does not count.
int Decimals(std::span<const double> values);

/// "35.02", "1,234"; "-" if it is not finite.
std::string Fixed(double value, int decimals);

/// With decimals of its own: for a figure that stands alone.
std::string Figure(double value);

/// "93.1%" for 0.931; "-" if it is not finite.
std::string Percent(double share);

/// "776.0 KiB", "1.3 GiB".
std::string ByteText(int64_t bytes);

/// "1 worker", "4,096 workers".
std::string Workers(int workers);

/// `text` in at most `columns` characters (code points), the last three "..." if it was longer.
std::string Cut(const std::string& text, size_t columns);

/// Code points, the bytes that begin one.
size_t Length(const std::string& text);

/// The efficiencies at the quartiles of the step: `low` is that of the slow steps.
Spread EfficiencySpread(const Measurement& measurement);

/// Of one worker among its equals.
struct SlowWorker {
  int rank = -1;       ///< -1: not known, or there is only one worker
  double compute = 0;  ///< ms a step
  double typical = 0;  ///< the median over the others
  double late = 0;     ///< ms
  /// A share; NaN if it is not known.
  double more() const { return compute / typical - 1; }
};
SlowWorker SlowestOf(const Measurement& measurement);

}  // namespace convoy
