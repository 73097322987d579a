// What the colours and marks of a drawing mean.
#include "tools/scaling/legend.h"

namespace convoy {
namespace {

constexpr double kSample = 24, kGap = 6, kBetween = 20, kLine = 20, kSize = 12;

}  // namespace

LegendEntry AreaEntry(const std::string& text, const char* fill, Hatch hatch) {
  return {text, [=](Svg& svg, Point middle) {
            svg.Rect({middle.x - kSample / 2, middle.y - 6, kSample, 12}, fill, hatch);
          }};
}

double DrawLegend(Svg& svg, Point at, double width, const std::vector<LegendEntry>& entries) {
  double x = at.x, y = at.y;
  for (const LegendEntry& entry : entries) {
    const std::string text = CutToWidth(entry.text, kSize, width - kSample - kGap);
    const double needed = kSample + kGap + TextWidth(text, kSize);
    if (x > at.x && x + needed > at.x + width) {
      x = at.x;
      y += kLine;
    }
    entry.draw(svg, {x + kSample / 2, y + kLine / 2});
    svg.Text({x + kSample + kGap, y + kLine / 2 + 4}, text, {.size = kSize});
    x += needed + kBetween;
  }
  return entries.empty() ? at.y : y + kLine;
}

}  // namespace convoy
