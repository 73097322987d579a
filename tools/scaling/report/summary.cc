// The findings of a measurement in words.
#include <fmt/format.h>

#include <cmath>

#include "core/base/number_text.h"
#include "tools/scaling/report/numbers.h"
#include "tools/scaling/report/table_data.h"

namespace convoy::scaling {
namespace {

std::string Share(double part, double of) {
  return fmt::format("{} ms ({})", FigureText(part), PercentText(part / of));
}

// Says what workers lose to each other without any communication: memory, caches, the clock of the
// cores. Only for weak scaling, where every worker has as much to do as on the fewest workers.
std::string Crowding(const ScalingResults& results) {
  const Measurement& first = results.measurements.front();
  const Measurement& last = results.measurements.back();
  const double longer = last.step_without_communication.median - first.step.median;
  const double share = longer / first.step.median;
  if (results.mode != "weak" || last.workers == first.workers || !(share > 0.01)) return {};
  return fmt::format(
      "With the sums left out, a step on {} still takes {} ms, {} ms ({}) longer than on {}: what "
      "they share of the machine (memory, caches, clock) takes that, not communication.",
      Workers(last.workers), FigureText(last.step_without_communication.median), FigureText(longer),
      PercentText(share), Workers(first.workers));
}

}  // namespace

std::vector<std::string> Summary(const ScalingResults& results) {
  std::vector<std::string> lines;
  if (results.measurements.empty()) return lines;
  const Measurement& first = results.measurements.front();
  const Measurement& last = results.measurements.back();
  const std::string rate = FigureText(last.units_per_s) + " " + results.unit + "/s";
  const double faster = last.units_per_s / first.units_per_s;
  if (results.measurements.size() > 1 && std::isfinite(faster)) {
    lines.push_back(fmt::format("{} are {} times as fast as {}: {}, an efficiency of {}.",
                                Workers(last.workers), FixedText(faster, 2), Workers(first.workers),
                                rate, PercentText(last.efficiency)));
  } else {
    lines.push_back(fmt::format("{}: {}.", Workers(last.workers), rate));
  }
  const double total = last.split.total();
  if (last.workers > 1 && std::isfinite(total) && total > 0) {
    lines.push_back(fmt::format(
        "Of a step of {} ms on {}, communication that nothing hides takes {}, waiting for the "
        "slowest worker {}.",
        FigureText(total), Workers(last.workers), Share(last.split.exposed, total),
        Share(last.split.waiting, total)));
  }
  if (const std::string crowding = Crowding(results); !crowding.empty()) lines.push_back(crowding);
  const SlowWorker slow = SlowestOf(last);
  if (slow.rank >= 0 && std::isfinite(slow.more())) {
    lines.push_back(
        fmt::format("The slowest worker is rank {}: it computes {} ms a step, {} longer "
                    "than the median of the others.",
                    slow.rank, FigureText(slow.compute), PercentText(slow.more())));
  }
  return lines;
}

std::string Summary(const Prediction& prediction) {
  if (prediction.sizes.empty()) return {};
  const PredictedSize& last = prediction.sizes.back();
  return fmt::format("{} on {}: {} are predicted to have an efficiency of {}.", prediction.model,
                     prediction.links, Workers(last.workers), PercentText(last.efficiency));
}

}  // namespace convoy::scaling
