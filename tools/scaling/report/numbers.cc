// Figures of a report that follow from those of a measurement.
#include "tools/scaling/report/numbers.h"

#include <vector>

#include "core/base/number_text.h"
#include "core/base/quantile.h"

namespace convoy::scaling {

std::string Workers(int workers) {
  return WithCommas(workers) + (workers == 1 ? " worker" : " workers");
}

Spread EfficiencySpread(const Measurement& m) {
  return {.median = m.efficiency,
          .low = m.efficiency * m.step.median / m.step.high,
          .high = m.efficiency * m.step.median / m.step.low};
}

SlowWorker SlowestOf(const Measurement& m) {
  SlowWorker slow;
  if (m.workers < 2) return slow;
  std::vector<double> others;
  for (const WorkerTimes& worker : m.by_worker) {
    if (worker.rank != m.slowest) {
      others.push_back(worker.compute);
      continue;
    }
    slow.rank = worker.rank;
    slow.compute = worker.compute;
    slow.late = worker.late;
  }
  if (!others.empty()) slow.typical = Median(others);
  return slow;
}

}  // namespace convoy::scaling
