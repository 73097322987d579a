// The parts of a step for every number of workers.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/base/number_text.h"
#include "tools/scaling/report/axis.h"
#include "tools/scaling/report/charts.h"
#include "tools/scaling/report/legend.h"
#include "tools/scaling/report/numbers.h"
#include "tools/scaling/report/palette.h"
#include "tools/scaling/report/text_width.h"

namespace convoy::scaling {
namespace {

constexpr double kWidth = 720, kLeft = 64, kTop = 26, kRow = 26, kBar = 18;
constexpr double kTotalRoom = 58;  // pixels behind a bar, for its total
constexpr double kSharesBeyond =
    8;  // if the longest step is so many times the shortest, bars show shares

// The length of a part: 0 if it is not finite, or negative, which clocks can make it.
double Part(double value) { return std::isfinite(value) ? std::max(value, 0.0) : 0; }

double Total(const StepSplit& split) {
  double total = 0;
  for (const PartStyle& part : kParts) total += Part(split.*part.member);
  return total;
}

double Cost(const StepSplit& split) { return Part(split.exposed) + Part(split.waiting); }

class Chart {
 public:
  explicit Chart(const ScalingResults& results) : measurements_(results.measurements) {
    std::vector<double> totals, costs;
    double shortest = HUGE_VAL;
    for (const Measurement& m : measurements_) {
      totals.push_back(Total(m.split));
      costs.push_back(Cost(m.split));
      longest_ = std::max(longest_, totals.back());
      costliest_ = std::max(costliest_, costs.back());
      if (totals.back() > 0) shortest = std::min(shortest, totals.back());
    }
    shares_ = longest_ > kSharesBeyond * shortest;
    decimals_ = DecimalsFor(totals);
    cost_decimals_ = DecimalsFor(costs);
  }

  std::string Draw(bool standalone) {
    const double bottom = kTop + kRow * static_cast<double>(measurements_.size()) + 4;
    const double right = costliest_ > 0 ? 440 : kWidth - 10;
    svg_.Text({kLeft - 8, kTop - 8}, "workers", {.anchor = Anchor::kEnd});
    const double high = shares_ ? 100 : longest_ > 0 ? longest_ : 1;
    const Axis x = Axis::Linear(0, high, kLeft, right - kTotalRoom);
    DrawXAxis(svg_, x, high, kTop, bottom,
              shares_ ? "share of the step (%)" : "time of a step (ms)");
    svg_.Text({kLeft, kTop - 8}, "the whole step", {.bold = true});
    for (size_t i = 0; i < measurements_.size(); ++i) DrawRow(i, x);
    if (costliest_ > 0) {
      const Axis cost = Axis::Linear(0, costliest_, 472, kWidth - 118);
      DrawXAxis(svg_, cost, costliest_, kTop, bottom, "ms");
      svg_.Text({cost.from(), kTop - 8}, "exposed and waiting, enlarged", {.bold = true});
      for (size_t i = 0; i < measurements_.size(); ++i) DrawCost(i, cost);
    }
    std::vector<LegendEntry> legend;
    for (const PartStyle& part : kParts) {
      if (IsThere(part)) legend.push_back(AreaEntry(part.name, part.color, part.hatch));
    }
    const double end = DrawLegend(svg_, {kLeft, bottom + 46}, kWidth - kLeft - 10, legend);
    return svg_.Finish(kWidth, end + 6, "Where the time of a step goes, by number of workers",
                       standalone);
  }

 private:
  bool IsThere(const PartStyle& part) const {
    return std::any_of(measurements_.begin(), measurements_.end(),
                       [&](const Measurement& m) { return Part(m.split.*part.member) > 0; });
  }

  static double RowTop(size_t i) { return kTop + 4 + kRow * static_cast<double>(i); }

  // Draws one part from `begin` (in ms) on, with its figure on it if there is room. Returns its
  // end.
  double DrawPart(const Measurement& m, const PartStyle& part, double begin, double scale, size_t i,
                  const Axis& x, bool labelled) {
    const double value = Part(m.split.*part.member);
    const double x0 = x(begin * scale), x1 = x((begin + value) * scale), y = RowTop(i);
    svg_.Rect({x0, y, x1 - x0, kBar}, part.color, part.hatch,
              fmt::format("{}: {} {} ms", Workers(m.workers), part.name, FigureText(value)));
    const std::string text = FixedText(value, decimals_);
    // Figures on hatching cannot be read.
    if (labelled && part.hatch == Hatch::kNone && TextWidth(text, 11) + 8 <= x1 - x0) {
      svg_.Text({(x0 + x1) / 2, y + 13}, text,
                {.size = 11, .anchor = Anchor::kMiddle, .color = TextOn(part.color)});
    }
    return begin + value;
  }

  // Draws a thin white line between two parts. It lies over them, so that a part of less than a
  // pixel is still seen.
  void DrawBorder(const Axis& x, double at, double y) {
    svg_.Line({x(at), y}, {x(at), y + kBar}, {.color = "#ffffff", .width = 0.75});
  }

  void DrawRow(size_t i, const Axis& x) {
    const Measurement& m = measurements_[i];
    const double total = Total(m.split), y = RowTop(i);
    svg_.Text({kLeft - 8, y + 13}, WithCommas(m.workers), {.anchor = Anchor::kEnd});
    const double scale = !shares_ ? 1 : total > 0 ? 100 / total : 0;
    double end = 0;
    for (const PartStyle& part : kParts) {
      const double begin = end;
      end = DrawPart(m, part, begin, scale, i, x, true);
      if (begin > 0 && x(end * scale) - x(begin * scale) > 2) DrawBorder(x, begin * scale, y);
    }
    svg_.Text({x(end * scale) + 6, y + 13},
              FixedText(m.split.total(), decimals_) + (shares_ ? " ms" : ""));
  }

  void DrawCost(size_t i, const Axis& x) {
    const Measurement& m = measurements_[i];
    double end = 0;
    for (const PartStyle& part : kParts) {
      if (part.hatch != Hatch::kNone) end = DrawPart(m, part, end, 1, i, x, false);
    }
    const double cost = m.split.exposed + m.split.waiting;
    svg_.Text({x(end) + 6, RowTop(i) + 13}, fmt::format("{} ({})", FixedText(cost, cost_decimals_),
                                                        PercentText(cost / m.split.total())));
  }

  std::span<const Measurement> measurements_;
  double longest_ = 0, costliest_ = 0;
  bool shares_ = false;
  int decimals_ = 0, cost_decimals_ = 0;
  Svg svg_;
};

}  // namespace

std::string SplitChart(const ScalingResults& results, ChartOptions options) {
  return Chart(results).Draw(options.standalone);
}

}  // namespace convoy::scaling
