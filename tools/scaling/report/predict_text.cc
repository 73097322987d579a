// A prediction and advice on bucket plans as text for the terminal.
#include "tools/scaling/report/predict_text.h"

#include <fmt/format.h>

#include "core/base/number_text.h"
#include "tools/scaling/report/numbers.h"
#include "tools/scaling/report/table_format.h"

namespace convoy::scaling {
std::string PredictionText(const Prediction& prediction) {
  std::string text =
      fmt::format("Predicted, not measured: {} on {}\n\n", prediction.model, prediction.links);
  text += Markdown(PredictedTable(prediction));
  if (!prediction.published.empty() || !prediction.remarks.empty()) text += "\nPublished:\n";
  for (const PublishedPoint& point : prediction.published) {
    text += fmt::format("  {} on {}: {}\n", PercentText(point.efficiency), Workers(point.workers),
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
  TableData table{.columns = {{"size"},
                              {"ready ms"},
                              {"start ms"},
                              {"end ms"},
                              {"exposed ms"},
                              {"bucket", TableData::Kind::kText}}};
  for (const Advice::Bucket& bucket : advice.buckets) {
    table.rows.push_back({BytesInBestUnit(bucket.bytes), FixedText(bucket.times.ready, 2),
                          FixedText(bucket.times.start, 2), FixedText(bucket.times.end, 2),
                          FixedText(bucket.times.exposed, 2), bucket.name});
  }
  text += Markdown(table);
  text += fmt::format(
      "\nA step takes {:.2f} ms, {:.2f} of it exposed; with the default plan ({} buckets) {:.2f} "
      "and {:.2f}: {:.2f}% less.\n",
      advice.step_ms, advice.exposed_ms, advice.default_buckets, advice.default_step_ms,
      advice.default_exposed_ms, 100 * (1 - advice.step_ms / advice.default_step_ms));
  return text;
}

}  // namespace convoy::scaling
