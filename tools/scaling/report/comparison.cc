// What was measured beside what was predicted for the same numbers of workers.
#include "tools/scaling/report/comparison.h"

#include <fmt/format.h>

#include <cmath>
#include <vector>

#include "core/base/number_text.h"
#include "tools/scaling/report/table_format.h"

namespace convoy::scaling {
namespace {

// By how much `value` is off, "+3.1%"; "-" if `from` is 0.
std::string Off(double value, double from) {
  const double off = value / from - 1;
  return std::isfinite(off) ? fmt::format("{:+.1f}%", 100 * off) : "-";
}

std::vector<std::string> Row(const Measurement& measured, const PredictedSize& predicted) {
  const double could_hide = predicted.communication_ms - predicted.exposed_ms;
  double hid = 0;
  for (const BucketTimes& bucket : measured.buckets) hid += bucket.hidden;
  const double held_up = measured.split.exposed + measured.split.waiting;
  const double difference = measured.step.median - measured.step_without_communication.median;
  return {WithCommas(measured.workers),    FixedText(measured.step.median, 1),
          FixedText(predicted.step_ms, 1), Off(predicted.step_ms, measured.step.median),
          FixedText(could_hide, 1),        FixedText(hid, 1),
          PercentText(hid / could_hide),   FixedText(held_up, 1),
          FixedText(difference, 1),        Off(held_up, difference)};
}

}  // namespace

std::string ComparisonTable(const ScalingResults& results,
                            std::span<const Prediction> predictions) {
  TableData table{.columns = {{"workers"},
                              {"step"},
                              {"predicted"},
                              {"off"},
                              {"could hide"},
                              {"hid"},
                              {"share"},
                              {"held up"},
                              {"with - without"},
                              {"off"}}};
  for (const Measurement& measured : results.measurements) {
    for (const Prediction& prediction : predictions) {
      for (const PredictedSize& predicted : prediction.sizes) {
        if (measured.workers > 1 && predicted.workers == measured.workers) {
          table.rows.push_back(Row(measured, predicted));
        }
      }
    }
  }
  if (table.rows.empty()) return {};
  return "\nMeasured beside predicted (ms)\n\n" + Markdown(table);
}

}  // namespace convoy::scaling
