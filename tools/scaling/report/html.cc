// A scaling report as one page.
#include "tools/scaling/report/html.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/base/number_text.h"
#include "tools/scaling/report/charts.h"
#include "tools/scaling/report/html_style.h"
#include "tools/scaling/report/numbers.h"
#include "tools/scaling/report/table_format.h"
#include "tools/scaling/report/xml.h"

namespace convoy::scaling {
namespace {

constexpr ChartOptions kInline{.standalone = false};

class HtmlFormat : public TableFormat {
  std::string Shown(const std::string& text) const override { return XmlText(text); }
  std::string Begin(const std::string& title) const override {
    return fmt::format("<div class=\"wide\">\n<table>\n<caption>{}</caption>\n<thead>\n", title);
  }
  std::string Heading(const TableData& table, const Cells& names) const override {
    return Row(table, names, "th", " scope=\"col\"") + "</thead>\n<tbody>\n";
  }
  std::string Line(const TableData& table, const Cells& cells) const override {
    return Row(table, cells, "td", "");
  }
  std::string End() const override { return "</tbody>\n</table>\n</div>\n"; }

  static std::string Row(const TableData& table, const Cells& cells, const char* tag,
                         const char* attributes) {
    std::string row = "<tr>";
    for (size_t c = 0; c < cells.size(); ++c) {
      const bool is_text = table.columns[c].kind == TableData::Kind::kText;
      row += fmt::format("<{0}{1}{2}>{3}</{0}>", tag, attributes, is_text ? " class=\"text\"" : "",
                         cells[c]);
    }
    return row + "</tr>\n";
  }
};

class Page {
 public:
  explicit Page(const std::string& title) {
    text_ = fmt::format(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n"
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
        // Nothing may be loaded, whatever a name in the report contains.
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
        "style-src 'unsafe-inline'\"/>\n"
        "<title>{0}</title>\n<style>\n{1}</style>\n</head>\n<body>\n<main>\n<h1>{0}</h1>\n",
        XmlText(title), kHtmlStyle);
  }

  void Heading(const std::string& text) { text_ += fmt::format("<h2>{}</h2>\n", XmlText(text)); }
  void Paragraph(const std::string& text) {
    if (!text.empty()) text_ += fmt::format("<p>{}</p>\n", XmlText(text));
  }

  void List(const std::vector<std::string>& items, const char* kind) {
    if (items.empty()) return;
    text_ += fmt::format("<ul class=\"{}\">\n", kind);
    for (const std::string& item : items) text_ += fmt::format("<li>{}</li>\n", XmlText(item));
    text_ += "</ul>\n";
  }

  void Figure(const std::string& svg, const std::string& caption) {
    text_ += fmt::format(
        "<figure>\n<div class=\"wide\">\n{}</div>\n<figcaption><b>Figure {}.</b> {}</figcaption>\n"
        "</figure>\n",
        svg, ++figures_, XmlText(caption));
  }

  void Add(const TableData& table) {
    if (!table.rows.empty()) text_ += HtmlFormat().Render(table);
  }

  void Add(const std::vector<std::pair<std::string, std::string>>& facts) {
    if (facts.empty()) return;
    text_ += "<dl>\n";
    for (const auto& [name, fact] : facts) {
      text_ += fmt::format("<dt>{}</dt><dd{}>{}</dd>\n", XmlText(name),
                           name == "command" ? " class=\"code\"" : "", XmlText(fact));
    }
    text_ += "</dl>\n";
  }

  std::string Finish() { return text_ + "</main>\n</body>\n</html>\n"; }

 private:
  std::string text_;
  int figures_ = 0;
};

std::string EfficiencyCaption(const ScalingResults* results,
                              std::span<const Prediction> predictions) {
  std::string caption = "Efficiency against the number of workers.";
  if (results != nullptr && !results->measurements.empty()) {
    caption += fmt::format(
        " Measured: {} scaling, throughput over that of {}, for each of its "
        "workers; bars show the quartiles of the step's time.",
        results->mode, Workers(results->measurements.front().workers));
  }
  if (!predictions.empty()) {
    caption += " Broken lines are predictions, not measurements.";
    if (std::any_of(predictions.begin(), predictions.end(),
                    [](const Prediction& p) { return !p.published.empty(); })) {
      caption += " Open marks were published by others.";
    }
  }
  return caption;
}

void AddMeasuredFigures(Page& page, const ScalingResults& results) {
  page.Figure(
      SplitChart(results, kInline),
      "Where the time of a step goes, mean over workers. Exposed: communication that nothing "
      "hides. Waiting: for the slowest worker, before a sum can begin.");
  const Measurement& last = results.measurements.back();
  if (!last.timeline.empty()) {
    page.Figure(
        TimelineChart(last, kInline),
        fmt::format("One step of {}: the one whose time is the median.", Workers(last.workers)));
  }
  if (!last.buckets.empty()) {
    page.Figure(BucketsChart(last, kInline),
                fmt::format("The buckets of {}, medians over {} steps. The black mark is when the "
                            "last worker had its gradients.",
                            Workers(last.workers), FixedText(last.steps, 0)));
  }
}

void AddPrediction(Page& page, const Prediction& prediction) {
  page.Heading(fmt::format("Predicted: {} on {}", prediction.model, prediction.links));
  page.Add(PredictedTable(prediction));
  std::vector<std::string> published;
  for (const PublishedPoint& point : prediction.published) {
    published.push_back(fmt::format("Published: {} on {}, {}", PercentText(point.efficiency),
                                    Workers(point.workers), point.source));
  }
  for (const std::string& remark : prediction.remarks) published.push_back("Published: " + remark);
  page.List(published, "plain");
  if (!prediction.assumptions.empty()) page.Paragraph("It stands on these assumptions:");
  page.List(prediction.assumptions, "plain");
}

}  // namespace

std::string HtmlReport(const ScalingResults* results, std::span<const Prediction> predictions) {
  Page page(results == nullptr       ? "Predicted scaling"
            : results->model.empty() ? "Scaling"
                                     : "Scaling of " + results->model);
  if (results != nullptr) {
    for (const std::string& line : Summary(*results)) page.Paragraph(line);
    page.List(Warnings(*results), "warnings");
  }
  for (const Prediction& prediction : predictions) page.Paragraph(Summary(prediction));
  const bool measured = results != nullptr && !results->measurements.empty();
  if (measured || !predictions.empty()) {
    page.Figure(EfficiencyChart(results, predictions, kInline),
                EfficiencyCaption(results, predictions));
  }
  if (results != nullptr) {
    if (measured) {
      AddMeasuredFigures(page, *results);
      page.Heading("Tables");
      page.Add(EfficiencyTable(*results));
      page.Add(SplitTable(*results));
      page.Add(SlowestTable(*results));
      page.Add(BucketTable(results->measurements.back()));
    }
    const auto facts = Facts(*results);
    if (!facts.empty()) page.Heading("How it was measured");
    page.Add(facts);
  }
  for (const Prediction& prediction : predictions) AddPrediction(page, prediction);
  return page.Finish();
}

}  // namespace convoy::scaling
