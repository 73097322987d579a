// Figures of a report that follow from those of a measurement.
#pragma once

#include <string>

#include "tools/scaling/measure/results.h"

namespace convoy::scaling {

/// "1 worker", "4,096 workers".
std::string Workers(int workers);

/// The efficiencies at the quartiles of the step: `low` is that of the slow steps.
Spread EfficiencySpread(const Measurement& measurement);

/// The slowest worker beside the others.
struct SlowWorker {
  int rank = -1;       ///< -1: not known, or there is only one worker
  double compute = 0;  ///< ms a step
  double typical = 0;  ///< the median over the others
  double late = 0;     ///< ms
  /// By how much it computes longer, as a share; NaN if it is not known.
  double more() const { return compute / typical - 1; }
};
SlowWorker SlowestOf(const Measurement& measurement);

}  // namespace convoy::scaling
