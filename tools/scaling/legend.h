// What the colours and marks of a drawing mean.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "tools/scaling/svg.h"

namespace convoy {

struct LegendEntry {
  std::string text;
  std::function<void(Svg&, Point)> draw;  ///< a sample, 24 pixels wide, around the middle given
};

/// A sample of a filled area.
LegendEntry AreaEntry(const std::string& text, const char* fill, Hatch hatch = Hatch::kNone);

/// Side by side in lines of at most `width` pixels; longer texts take several. Returns the lower
/// end.
double DrawLegend(Svg& svg, Point at, double width, const std::vector<LegendEntry>& entries);

}  // namespace convoy
