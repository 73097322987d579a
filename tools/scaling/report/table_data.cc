// The tables of a scaling report: their rows.
#include "tools/scaling/report/table_data.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "core/base/number_text.h"
#include "tools/scaling/report/numbers.h"

namespace convoy::scaling {
namespace {

using Kind = TableData::Kind;
using Row = std::vector<std::string>;

// Decimals for all of a table's columns of milliseconds, so that they can be compared.
template <typename Items, typename Value>
int DecimalsOf(const Items& items, Value value) {
  std::vector<double> values;
  for (const auto& item : items) values.push_back(value(item));
  return DecimalsFor(values);
}

std::string Quartiles(const Spread& spread, int decimals) {
  return FixedText(spread.low, decimals) + " to " + FixedText(spread.high, decimals);
}

std::string PublishedAt(const Prediction& prediction, int workers) {
  std::string text;
  for (const PublishedPoint& point : prediction.published) {
    if (point.workers != workers) continue;
    text += (text.empty() ? "" : ", ") + PercentText(point.efficiency);
  }
  return text;
}

}  // namespace

TableData EfficiencyTable(const ScalingResults& results) {
  TableData table{.title = "Efficiency",
                  .columns = {{"workers"},
                              {results.unit + "/s"},
                              {"speed-up"},
                              {"efficiency"},
                              {"step ms"},
                              {"quartiles"},
                              {"without comm."},
                              {"steps"}}};
  const int ms = DecimalsOf(results.measurements, [](auto& m) { return m.step.median; });
  const int rate = DecimalsOf(results.measurements, [](auto& m) { return m.units_per_s; });
  for (const Measurement& m : results.measurements) {
    table.rows.push_back({WithCommas(m.workers), FixedText(m.units_per_s, rate),
                          FixedText(m.speedup, 2), PercentText(m.efficiency),
                          FixedText(m.step.median, ms), Quartiles(m.step, ms),
                          FixedText(m.step_without_communication.median, ms), WithCommas(m.steps)});
  }
  return table;
}

TableData SplitTable(const ScalingResults& results) {
  TableData table{.title = "Where a step's time goes, in ms (mean over workers)",
                  .columns = {{"workers"},
                              {"load"},
                              {"forward"},
                              {"backward"},
                              {"exposed"},
                              {"waiting"},
                              {"optimizer"},
                              {"other"},
                              {"sum"}}};
  const int ms = DecimalsOf(results.measurements, [](auto& m) { return m.split.total(); });
  for (const Measurement& m : results.measurements) {
    const StepSplit& split = m.split;
    Row row{WithCommas(m.workers)};
    for (const double part : {split.load, split.forward, split.backward, split.exposed,
                              split.waiting, split.optimizer, split.other, split.total()}) {
      row.push_back(FixedText(part, ms));
    }
    table.rows.push_back(std::move(row));
  }
  return table;
}

TableData SlowestTable(const ScalingResults& results) {
  TableData table{.title = "The slowest worker, in ms a step (waits left out)",
                  .columns = {{"workers"},
                              {"slowest"},
                              {"computes"},
                              {"others' median"},
                              {"longer by"},
                              {"gradients late by"}}};
  const int ms = DecimalsOf(results.measurements, [](auto& m) { return SlowestOf(m).compute; });
  for (const Measurement& m : results.measurements) {
    const SlowWorker slow = SlowestOf(m);
    if (slow.rank < 0) continue;
    table.rows.push_back({WithCommas(m.workers), fmt::format("rank {}", slow.rank),
                          FixedText(slow.compute, ms), FixedText(slow.typical, ms),
                          PercentText(slow.more()), FixedText(slow.late, ms)});
  }
  return table;
}

TableData BucketTable(const Measurement& m) {
  TableData table{
      .title = fmt::format("Buckets of {}, in ms from the start of backward (first: ready on one, "
                           "last: the rank)",
                           Workers(m.workers)),
      .columns = {{"bucket", Kind::kText},
                  {"bytes"},
                  {"first"},
                  {"ready"},
                  {"start"},
                  {"end"},
                  {"GB/s"},
                  {"hidden"},
                  {"exposed"},
                  {"last"}}};
  if (m.buckets.empty()) return table;
  const int ms = DecimalsOf(m.buckets, [](auto& bucket) { return bucket.end; });
  const int gb = DecimalsOf(m.buckets, [](auto& bucket) { return bucket.busbw_gb_per_s; });
  BucketTimes all;
  for (const BucketTimes& bucket : m.buckets) {
    table.rows.push_back({bucket.name, BytesInBestUnit(bucket.bytes),
                          FixedText(bucket.first_ready, ms), FixedText(bucket.ready, ms),
                          FixedText(bucket.start, ms), FixedText(bucket.end, ms),
                          FixedText(bucket.busbw_gb_per_s, gb), FixedText(bucket.hidden, ms),
                          FixedText(bucket.exposed, ms), std::to_string(bucket.last_worker)});
    all.bytes += bucket.bytes;
    all.hidden += bucket.hidden;
    all.exposed += bucket.exposed;
  }
  table.rows.push_back({"all", BytesInBestUnit(all.bytes), "", "", "", "", "",
                        FixedText(all.hidden, ms), FixedText(all.exposed, ms), ""});
  return table;
}

TableData PredictedTable(const Prediction& prediction) {
  const bool published = !prediction.published.empty();
  const bool waiting = std::any_of(prediction.sizes.begin(), prediction.sizes.end(),
                                   [](const PredictedSize& size) { return size.waiting_ms > 0; });
  TableData table{.title = published
                               ? "A prediction, not a measurement; published figures are of others"
                               : "A prediction, not a measurement",
                  .columns = {{"workers"}, {prediction.unit + "/s"}, {"step ms"}, {"efficiency"}}};
  if (published) table.columns.push_back({"published"});
  table.columns.push_back({"exposed ms"});
  if (waiting) table.columns.push_back({"waiting ms"});
  table.columns.push_back({"algorithm", Kind::kText});
  table.columns.push_back({"costliest", Kind::kText});
  table.columns.push_back({"costs ms"});

  constexpr int kMs = 2;  // exposed times may be small
  const int rate = DecimalsOf(prediction.sizes, [](auto& size) { return size.units_per_s; });
  std::map<int, const PredictedSize*> sizes;  // null: only published
  for (const PublishedPoint& point : prediction.published) sizes[point.workers] = nullptr;
  for (const PredictedSize& size : prediction.sizes) sizes[size.workers] = &size;
  for (const auto& [workers, size] : sizes) {
    Row row{WithCommas(workers)};
    const auto add = [&row, size = size](const auto& text) {
      row.push_back(size == nullptr ? "" : text(*size));
    };
    add([&](const PredictedSize& s) { return FixedText(s.units_per_s, rate); });
    add([&](const PredictedSize& s) { return FixedText(s.step_ms, kMs); });
    add([&](const PredictedSize& s) { return PercentText(s.efficiency); });
    if (published) row.push_back(PublishedAt(prediction, workers));
    add([&](const PredictedSize& s) { return FixedText(s.exposed_ms, kMs); });
    if (waiting) add([&](const PredictedSize& s) { return FixedText(s.waiting_ms, kMs); });
    add([&](const PredictedSize& s) { return s.algorithm; });
    add([&](const PredictedSize& s) { return s.costliest_name; });
    add([&](const PredictedSize& s) { return FixedText(s.costliest_ms, kMs); });
    table.rows.push_back(std::move(row));
  }
  return table;
}

std::vector<std::pair<std::string, std::string>> Facts(const ScalingResults& results) {
  std::vector<std::pair<std::string, std::string>> facts;
  const auto add = [&](const char* name, const std::string& text) {
    if (!text.empty()) facts.emplace_back(name, text);
  };
  if (results.mode == "weak") {
    add("scaling", "weak: every worker has a batch of the same size");
  } else if (results.mode == "strong") {
    add("scaling", "strong: the workers share a batch of one size");
  } else {
    add("scaling", results.mode);
  }
  add("machine", results.device);
  add("transport", results.transport);
  if (results.parameters > 0) {
    add("parameters", fmt::format("{} ({} of gradients)", WithCommas(results.parameters),
                                  BytesInBestUnit(results.gradient_bytes)));
  }
  add("date", results.date);
  add("command", results.command);
  return facts;
}

std::vector<std::string> Warnings(const ScalingResults& results) {
  std::vector<std::string> warnings = results.warnings;
  for (const Measurement& m : results.measurements) {
    for (const std::string& warning : m.warnings) {
      warnings.push_back(Workers(m.workers) + ": " + warning);
    }
  }
  return warnings;
}

}  // namespace convoy::scaling
