// What the colours and marks of a drawing mean.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "tools/scaling/report/svg.h"

namespace convoy::scaling {

struct LegendEntry {
  std::string text;
  std::function<void(Svg&, Point)> draw;  ///< a sample, 24 pixels wide, around the middle given
};

/// A sample of a filled area.
LegendEntry AreaEntry(const std::string& text, const char* fill, Hatch hatch = Hatch::kNone);

/// Draws the entries side by side in lines of at most `width` pixels; a longer text takes several
/// lines. Returns the y of the lower end.
double DrawLegend(Svg& svg, Point at, double width, const std::vector<LegendEntry>& entries);

}  // namespace convoy::scaling
