// What was measured beside what was predicted for the same numbers of workers.
#include "tools/scaling/comparison.h"

#include <fmt/format.h>

namespace convoy {
namespace {

constexpr char kHead[] =
    "\nMeasured beside predicted (ms)\n\n"
    "| workers |   step | predicted |    off | could hide |   hid |  share | held up | with - "
    "without |"
    "    off |\n"
    "|---------|--------|-----------|--------|------------|-------|--------|---------|-------------"
    "---|"
    "--------|\n";

// "+3.1%"; "-" of nothing.
std::string Off(double value, double from) {
  return from > 0 ? fmt::format("{:+.1f}%", 100 * (value / from - 1)) : "-";
}

std::string Row(const Measurement& measured, const PredictedSize& predicted) {
  const double could_hide = predicted.communication_ms - predicted.exposed_ms;
  double hid = 0;
  for (const BucketTimes& bucket : measured.buckets) hid += bucket.hidden;
  const double held_up = measured.split.exposed + measured.split.waiting;
  const double difference = measured.step.median - measured.step_without_communication.median;
  return fmt::format(
      "| {:>7} | {:>6.1f} | {:>9.1f} | {:>6} | {:>10.1f} | {:>5.1f} | {:>6} | {:>7.1f} | {:>14.1f} "
      "| {:>6} |\n",
      measured.workers, measured.step.median, predicted.step_ms,
      Off(predicted.step_ms, measured.step.median), could_hide, hid,
      could_hide > 0 ? fmt::format("{:.1f}%", 100 * hid / could_hide) : "-", held_up, difference,
      Off(held_up, difference));
}

}  // namespace

std::string ComparisonTable(const ScalingResults& results,
                            std::span<const Prediction> predictions) {
  std::string rows;
  for (const Measurement& measured : results.measurements) {
    for (const Prediction& prediction : predictions) {
      for (const PredictedSize& predicted : prediction.sizes) {
        if (measured.workers > 1 && predicted.workers == measured.workers) {
          rows += Row(measured, predicted);
        }
      }
    }
  }
  return rows.empty() ? rows : kHead + rows;
}

}  // namespace convoy
