// A prediction, and an advice, as text for the terminal.
#include "tools/scaling/predict_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "models/trainers/common/text.h"

namespace convoy {
namespace {

using Rows = std::vector<std::vector<std::string>>;

// In Markdown, with columns of one width; the last one is text, the others are numbers.
std::string TableText(const Rows& rows) {
  std::vector<size_t> widths(rows.front().size());
  for (const auto& row : rows) {
    for (size_t c = 0; c < row.size(); ++c) widths[c] = std::max(widths[c], row[c].size());
  }
  std::string text;
  for (size_t r = 0; r < rows.size(); ++r) {
    for (size_t c = 0; c < widths.size(); ++c) {
      text += c + 1 == widths.size() ? fmt::format("| {:<{}} ", rows[r][c], widths[c])
                                     : fmt::format("| {:>{}} ", rows[r][c], widths[c]);
    }
    text += "|\n";
    if (r > 0) continue;
    for (const size_t width : widths) text += fmt::format("|{:-<{}}", "", width + 2);
    text += "|\n";
  }
  return text;
}

std::string Percent(double share) { return fmt::format("{:.1f}%", 100 * share); }

std::string PublishedAt(const Prediction& prediction, int workers) {
  for (const PublishedPoint& point : prediction.published) {
    if (point.workers == workers) return Percent(point.efficiency);
  }
  return "";
}

}  // namespace

std::string PredictionText(const Prediction& prediction) {
  std::string text =
      fmt::format("Predicted, not measured: {} on {}\n\n", prediction.model, prediction.links);
  Rows rows = {{"workers", "step ms", prediction.unit + "/s", "efficiency", "published",
                "exposed ms", "waiting ms", "allreduce"}};
  Rows costliest = {{"workers", "costs ms", "the bucket that costs most"}};
  for (const PredictedSize& size : prediction.sizes) {
    rows.push_back({fmt::format("{}", size.workers), fmt::format("{:.2f}", size.step_ms),
                    WithCommas(std::llround(size.units_per_s)), Percent(size.efficiency),
                    PublishedAt(prediction, size.workers), fmt::format("{:.2f}", size.exposed_ms),
                    fmt::format("{:.2f}", size.waiting_ms), size.algorithm});
    if (size.costliest_name.empty()) continue;
    costliest.push_back({fmt::format("{}", size.workers), fmt::format("{:.2f}", size.costliest_ms),
                         size.costliest_name});
  }
  text += TableText(rows);
  if (costliest.size() > 1) text.append("\n").append(TableText(costliest));
  if (!prediction.published.empty() || !prediction.remarks.empty()) text += "\nPublished:\n";
  for (const PublishedPoint& point : prediction.published) {
    text += fmt::format("  {} on {} workers: {}\n", Percent(point.efficiency), point.workers,
                        point.source);
  }
  for (const std::string& remark : prediction.remarks) text += fmt::format("  {}\n", remark);
  text += "\nThe figures stand on this:\n";
  for (const std::string& line : prediction.assumptions) text += fmt::format("  {}\n", line);
  return text;
}

std::string AdviceText(const Advice& advice) {
  std::string text =
      fmt::format("The bucket plan with the least exposed time for {} on {} workers ({}):\n\n",
                  advice.model, advice.workers, advice.links);
  Rows rows = {{"size", "ready ms", "start ms", "end ms", "exposed ms", "bucket"}};
  for (const Advice::Bucket& bucket : advice.buckets) {
    rows.push_back({Bytes(bucket.bytes), fmt::format("{:.2f}", bucket.times.ready),
                    fmt::format("{:.2f}", bucket.times.start),
                    fmt::format("{:.2f}", bucket.times.end),
                    fmt::format("{:.2f}", bucket.times.exposed), bucket.name});
  }
  text += TableText(rows);
  text += fmt::format(
      "\nA step takes {:.2f} ms, {:.2f} of it exposed; with the default plan ({} buckets) {:.2f} "
      "and {:.2f}: {:.2f}% less.\n",
      advice.step_ms, advice.exposed_ms, advice.default_buckets, advice.default_step_ms,
      advice.default_exposed_ms, 100 * (1 - advice.step_ms / advice.default_step_ms));
  return text;
}

}  // namespace convoy
