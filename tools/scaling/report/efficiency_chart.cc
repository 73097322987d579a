// Efficiency against workers: measured, predicted and published.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

#include "core/base/number_text.h"
#include "tools/scaling/report/axis.h"
#include "tools/scaling/report/charts.h"
#include "tools/scaling/report/legend.h"
#include "tools/scaling/report/numbers.h"
#include "tools/scaling/report/palette.h"
#include "tools/scaling/report/text_width.h"

namespace convoy::scaling {
namespace {

constexpr double kWidth = 720, kLeft = 64, kRight = 664, kTop = 22, kBottom = 312;
constexpr double kInset = 28;  // pixels from the ends of the x axis to the first and last count
constexpr int kLogarithmicFrom = 8;  // from this ratio of counts on, the axis is logarithmic
constexpr int kMostLabels = 6;       // only so many measured points have their figures beside them

// Further predictions have the same colours again, but other dashes.
struct SeriesStyle {
  const char* color;
  Shape shape;
};
constexpr std::array kSeries{
    SeriesStyle{kBlue, Shape::kSquare},   SeriesStyle{kVermilion, Shape::kTriangle},
    SeriesStyle{kGreen, Shape::kDiamond}, SeriesStyle{kOrange, Shape::kDown},
    SeriesStyle{kPurple, Shape::kCircle},
};
constexpr std::array<const char*, 4> kDashes{"7 3", "2 3", "9 3 2 3", "12 4"};

class Chart {
 public:
  Chart(const ScalingResults* results, std::span<const Prediction> predictions)
      : predictions_(predictions) {
    if (results != nullptr) measured_ = results->measurements;
    for (const Measurement& m : measured_) {
      See(m.workers, m.efficiency);
      See(m.workers, EfficiencySpread(m).high);
    }
    for (const Prediction& prediction : predictions_) {
      for (const PredictedSize& size : prediction.sizes) See(size.workers, size.efficiency);
      for (const PublishedPoint& point : prediction.published) See(point.workers, point.efficiency);
    }
  }

  std::string Draw(bool standalone) {
    DrawAxes();
    DrawMeasured();
    for (size_t i = 0; i < predictions_.size(); ++i) DrawPredicted(i);
    for (size_t i = 0; i < predictions_.size(); ++i) DrawPublished(i);
    DrawEndLabels();
    const double end = DrawLegend(svg_, {kLeft, kBottom + 50}, kWidth - kLeft - 10, legend_);
    return svg_.Finish(kWidth, end + 6, "Efficiency against the number of workers", standalone);
  }

 private:
  void See(int workers, double efficiency) {
    // A logarithmic axis has no place for 0.
    if (workers > 0) counts_.insert(workers);
    if (std::isfinite(efficiency)) highest_ = std::max(highest_, efficiency);
  }

  Axis MakeX() const {
    const double low = counts_.empty() ? 1 : *counts_.begin();
    const double high = counts_.empty() ? 1 : *counts_.rbegin();
    return (high >= kLogarithmicFrom * low ? Axis::Log : Axis::Linear)(low, high, kLeft + kInset,
                                                                       kRight - kInset);
  }

  void DrawAxes() {
    // A little more than 100% is a point above the topmost line; for more the axis grows.
    const double top = highest_ <= 1.05 ? 1 : std::ceil(highest_ * 5) / 5;
    y_ = Axis::Linear(0, top, kBottom, kTop);
    x_ = MakeX();
    for (const double tick : Ticks(top, 7)) {
      const double y = y_(tick);
      svg_.Line({kLeft, y}, {kRight, y}, {.color = kGridColor});
      svg_.Text({kLeft - 8, y + 4}, fmt::format("{:.0f}%", 100 * tick), {.anchor = Anchor::kEnd});
    }
    svg_.Line({kLeft, y_(1)}, {kRight, y_(1)}, {.color = kDarkGrey, .dash = "1 3"});
    double free_from = 0;  // where the next count has room
    for (auto count = counts_.begin(); count != counts_.end(); ++count) {
      const double x = x_(*count);
      svg_.Line({x, kBottom}, {x, kBottom + 4}, {.color = kAxisColor});
      const std::string text = WithCommas(*count);
      const double half = TextWidth(text, 12) / 2;
      const bool last = std::next(count) == counts_.end();
      const double last_from =
          x_(*counts_.rbegin()) - TextWidth(WithCommas(*counts_.rbegin()), 12) / 2 - 6;
      if (x - half < free_from || (!last && x + half > last_from)) continue;
      svg_.Text({x, kBottom + 17}, text, {.anchor = Anchor::kMiddle});
      free_from = x + half + 6;
    }
    svg_.Line({kLeft, kBottom}, {kRight, kBottom}, {.color = kAxisColor});
    svg_.Text({(kLeft + kRight) / 2, kBottom + 36}, "workers", {.anchor = Anchor::kMiddle});
    svg_.Text({18, (kTop + kBottom) / 2}, "efficiency",
              {.anchor = Anchor::kMiddle, .upwards = true});
  }

  void DrawMeasured() {
    if (measured_.empty()) return;
    std::vector<Point> points;
    for (const Measurement& m : measured_) {
      const Spread spread = EfficiencySpread(m);
      const double x = x_(m.workers);
      points.push_back({x, y_(m.efficiency)});
      for (const double end : {spread.low, spread.high}) {
        svg_.Line({x, points.back().y}, {x, y_(end)}, {.width = 1.25});
        svg_.Line({x - 4, y_(end)}, {x + 4, y_(end)}, {.width = 1.25});
      }
    }
    svg_.Path(points, {.width = 2});
    for (size_t i = 0; i < points.size(); ++i) {
      const Measurement& m = measured_[i];
      const Spread spread = EfficiencySpread(m);
      svg_.Mark(Shape::kCircle, points[i], kBlack, false,
                fmt::format("{}: {} measured, quartiles {} to {}", Workers(m.workers),
                            PercentText(m.efficiency), PercentText(spread.low),
                            PercentText(spread.high)));
      if (measured_.size() > kMostLabels || !predictions_.empty()) continue;
      // Above the point, since the line falls to the right.
      svg_.Text({points[i].x + 7, points[i].y - 7}, PercentText(m.efficiency));
    }
    legend_.push_back({"measured (bars: quartiles of the step's time)", [](Svg& svg, Point at) {
                         svg.Line({at.x - 12, at.y}, {at.x + 12, at.y}, {.width = 2});
                         svg.Mark(Shape::kCircle, at, kBlack);
                       }});
  }

  void DrawPredicted(size_t i) {
    const Prediction& prediction = predictions_[i];
    const SeriesStyle style = kSeries[i % kSeries.size()];
    const char* dash = kDashes[i % kDashes.size()];
    const Stroke stroke{.color = style.color, .width = 2, .dash = dash};
    std::vector<Point> points;
    for (const PredictedSize& size : prediction.sizes) {
      points.push_back({x_(size.workers), y_(size.efficiency)});
    }
    svg_.Path(points, stroke);
    for (size_t s = 0; s < points.size(); ++s) {
      const PredictedSize& size = prediction.sizes[s];
      svg_.Mark(style.shape, points[s], style.color, false,
                fmt::format("{} on {}, {}: {} predicted", prediction.model, prediction.links,
                            Workers(size.workers), PercentText(size.efficiency)));
    }
    if (points.empty()) return;
    if (std::isfinite(points.back().y)) {
      end_labels_.push_back(
          {points.back(), PercentText(prediction.sizes.back().efficiency), style.color});
    }
    legend_.push_back({fmt::format("predicted: {} on {}", prediction.model, prediction.links),
                       [=](Svg& svg, Point at) {
                         svg.Line({at.x - 12, at.y}, {at.x + 12, at.y}, stroke);
                         svg.Mark(style.shape, at, style.color);
                       }});
  }

  void DrawPublished(size_t i) {
    const Prediction& prediction = predictions_[i];
    const SeriesStyle style = kSeries[i % kSeries.size()];
    std::vector<std::string> sources;
    for (const PublishedPoint& point : prediction.published) {
      svg_.Mark(style.shape, {x_(point.workers), y_(point.efficiency)}, style.color, true,
                fmt::format("{}, {}: {} published, {}", prediction.model, Workers(point.workers),
                            PercentText(point.efficiency), point.source));
      if (std::find(sources.begin(), sources.end(), point.source) != sources.end()) continue;
      sources.push_back(point.source);
      legend_.push_back(
          {fmt::format("published: {}, {}", prediction.model, point.source),
           [=](Svg& svg, Point at) { svg.Mark(style.shape, at, style.color, true); }});
    }
  }

  // Writes the last figure of each prediction at its right end, moved apart where they would meet.
  void DrawEndLabels() {
    constexpr double kApart = 14;
    std::sort(end_labels_.begin(), end_labels_.end(),
              [](const EndLabel& a, const EndLabel& b) { return a.at.y < b.at.y; });
    double lowest = -kApart;
    for (EndLabel& label : end_labels_) {
      const double y = std::max(label.at.y, lowest + kApart);
      lowest = y;
      svg_.Text({label.at.x + 10, y + 4}, label.text, {.color = label.color, .bold = true});
    }
  }

  struct EndLabel {
    Point at;
    std::string text;
    const char* color;
  };

  std::span<const Measurement> measured_;
  std::span<const Prediction> predictions_;
  std::set<int> counts_;
  double highest_ = 0;
  Axis x_ = Axis::Linear(0, 1, 0, 1), y_ = x_;
  Svg svg_;
  std::vector<LegendEntry> legend_;
  std::vector<EndLabel> end_labels_;
};

}  // namespace

std::string EfficiencyChart(const ScalingResults* results, std::span<const Prediction> predictions,
                            ChartOptions options) {
  return Chart(results, predictions).Draw(options.standalone);
}

}  // namespace convoy::scaling
