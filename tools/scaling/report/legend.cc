// What the colours and marks of a drawing mean.
#include "tools/scaling/report/legend.h"

#include <algorithm>
#include <sstream>

#include "tools/scaling/report/text_width.h"

namespace convoy::scaling {
namespace {

constexpr double kSample = 24, kGap = 6, kBetween = 20, kLine = 20, kSize = 12;
constexpr double kNextLine = 15;  // from one line of a text to the next

// Breaks `text` at blanks into lines of at most `width` pixels. A longer word is cut.
std::vector<std::string> Lines(const std::string& text, double width) {
  std::vector<std::string> lines{""};
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    const std::string longer = lines.back().empty() ? word : lines.back() + " " + word;
    if (TextWidth(longer, kSize) <= width) {
      lines.back() = longer;
      continue;
    }
    if (!lines.back().empty()) lines.emplace_back();
    lines.back() = CutToWidth(word, kSize, width);
  }
  return lines;
}

}  // namespace

LegendEntry AreaEntry(const std::string& text, const char* fill, Hatch hatch) {
  return {text, [=](Svg& svg, Point middle) {
            svg.Rect({middle.x - kSample / 2, middle.y - 6, kSample, 12}, fill, hatch);
          }};
}

double DrawLegend(Svg& svg, Point at, double width, const std::vector<LegendEntry>& entries) {
  double x = at.x, y = at.y;
  for (const LegendEntry& entry : entries) {
    const std::vector<std::string> lines = Lines(entry.text, width - kSample - kGap);
    double longest = 0;
    for (const std::string& line : lines) longest = std::max(longest, TextWidth(line, kSize));
    const double needed = kSample + kGap + longest;
    if (x > at.x && x + needed > at.x + width) {
      x = at.x;
      y += kLine;
    }
    entry.draw(svg, {x + kSample / 2, y + kLine / 2});
    for (size_t i = 0; i < lines.size(); ++i) {
      if (i > 0) y += kNextLine;
      svg.Text({x + kSample + kGap, y + kLine / 2 + 4}, lines[i], {.size = kSize});
    }
    x += needed + kBetween;
  }
  return entries.empty() ? at.y : y + kLine;
}

}  // namespace convoy::scaling
