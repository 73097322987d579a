// A drawing as SVG.
#include "tools/scaling/report/svg.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <string_view>

#include "tools/scaling/report/text_width.h"
#include "tools/scaling/report/xml.h"

namespace convoy::scaling {
namespace {

constexpr double kMark = 4;        // half the size of a mark
constexpr double kHatchEvery = 6;  // pixels between two lines
constexpr const char* kHatchColor = "#ffffff";
constexpr double kTextMargin = 2;  // pixels between a text and the edge of the drawing
// How far a text reaches above and below its base line, as a share of the font size.
constexpr double kAscent = 0.95, kDescent = 0.25;

bool Finite(std::initializer_list<double> values) {
  for (const double value : values) {
    if (!std::isfinite(value)) return false;
  }
  return true;
}

// A coordinate to a hundredth of a pixel, without trailing zeros: "120", not "120.00".
std::string Px(double value) {
  std::string text = fmt::format("{:.2f}", value);
  while (text.back() == '0') text.pop_back();
  if (text.back() == '.') text.pop_back();
  return text == "-0" ? "0" : text;
}

std::string StrokeAttributes(const Stroke& stroke) {
  std::string text =
      fmt::format(R"(stroke="{}" stroke-width="{}")", stroke.color, Px(stroke.width));
  if (*stroke.dash != '\0') text += fmt::format(R"( stroke-dasharray="{}")", stroke.dash);
  return text;
}

// The diagonals x + y = c (rising) or x - y = c (falling) inside the box.
std::string HatchPath(const Box& box, Hatch hatch) {
  const double sign = hatch == Hatch::kRising ? 1 : -1;
  const double left = box.x, right = box.x + box.width, top = box.y, bottom = box.y + box.height;
  const double low = left + (sign > 0 ? top : -bottom), high = right + (sign > 0 ? bottom : -top);
  std::string path;
  for (double c = std::ceil(low / kHatchEvery) * kHatchEvery; c < high; c += kHatchEvery) {
    const auto y_at = [&](double x) { return sign * (c - x); };
    const auto x_at = [&](double y) { return c - sign * y; };
    const double x0 = std::max(left, std::min(x_at(top), x_at(bottom)));
    const double x1 = std::min(right, std::max(x_at(top), x_at(bottom)));
    if (x1 - x0 < 0.01) continue;
    path += fmt::format("M{} {}L{} {}", Px(x0), Px(y_at(x0)), Px(x1), Px(y_at(x1)));
  }
  return path;
}

// Outlines around (0, 0); all have about the same area.
std::vector<Point> Outline(Shape shape) {
  switch (shape) {
    case Shape::kSquare:
      return {{-.9, -.9}, {.9, -.9}, {.9, .9}, {-.9, .9}};
    case Shape::kTriangle:
      return {{0, -1.2}, {1.15, .9}, {-1.15, .9}};
    case Shape::kDown:
      return {{0, 1.2}, {1.15, -.9}, {-1.15, -.9}};
    case Shape::kDiamond:
      return {{0, -1.35}, {1.35, 0}, {0, 1.35}, {-1.35, 0}};
    case Shape::kCircle:
      break;
  }
  return {};
}

}  // namespace

void Svg::Element(const std::string& open, const char* tag, const std::string& title) {
  body_ += open;
  body_ += title.empty() ? "/>\n" : fmt::format("><title>{}</title></{}>\n", XmlText(title), tag);
}

void Svg::Line(Point from, Point to, const Stroke& stroke) { Path({from, to}, stroke); }

void Svg::Path(const std::vector<Point>& points, const Stroke& stroke) {
  std::string path;
  bool down = false;
  for (const Point& point : points) {
    const bool finite = Finite({point.x, point.y});
    if (finite) path += fmt::format("{}{} {}", down ? "L" : "M", Px(point.x), Px(point.y));
    down = finite;
  }
  if (path.find('L') == std::string::npos) return;
  Element(fmt::format(R"(<path d="{}" fill="none" {})", path, StrokeAttributes(stroke)), "path",
          "");
}

void Svg::Rect(const Box& box, const char* fill, Hatch hatch, const std::string& title) {
  if (!Finite({box.x, box.y, box.width, box.height}) || box.width <= 0 || box.height <= 0) return;
  Element(fmt::format(R"(<rect x="{}" y="{}" width="{}" height="{}" fill="{}")", Px(box.x),
                      Px(box.y), Px(box.width), Px(box.height), fill),
          "rect", title);
  if (hatch == Hatch::kNone) return;
  const std::string path = HatchPath(box, hatch);
  if (path.empty()) return;
  // The rectangle below has the title.
  body_ += fmt::format(R"(<path d="{}" fill="none" {} pointer-events="none"/>)"
                       "\n",
                       path, StrokeAttributes({.color = kHatchColor, .width = 1}));
}

void Svg::Mark(Shape shape, Point at, const char* color, bool open, const std::string& title) {
  if (!Finite({at.x, at.y})) return;
  const std::string style =
      open ? fmt::format(R"(fill="#ffffff" stroke="{}" stroke-width="1.75")", color)
           : fmt::format(R"(fill="{}" stroke="#ffffff" stroke-width="0.75")", color);
  const double size = open ? kMark + 0.75 : kMark;
  if (shape == Shape::kCircle) {
    Element(
        fmt::format(R"(<circle cx="{}" cy="{}" r="{}" {})", Px(at.x), Px(at.y), Px(size), style),
        "circle", title);
    return;
  }
  std::string path;
  for (const Point& corner : Outline(shape)) {
    path += fmt::format("{}{} {}", path.empty() ? "M" : "L", Px(at.x + size * corner.x),
                        Px(at.y + size * corner.y));
  }
  Element(fmt::format(R"(<path d="{}Z" {})", path, style), "path", title);
}

void Svg::Text(Point at, const std::string& text, const TextStyle& style) {
  if (!Finite({at.x, at.y}) || text.empty()) return;
  MakeRoom(at, text, style);
  body_ += fmt::format(R"(<text x="{}" y="{}" font-size="{}")", Px(at.x), Px(at.y), Px(style.size));
  if (style.anchor != Anchor::kStart) {
    body_ +=
        fmt::format(R"( text-anchor="{}")", style.anchor == Anchor::kMiddle ? "middle" : "end");
  }
  if (std::string_view(style.color) != "#000000")
    body_ += fmt::format(R"( fill="{}")", style.color);
  if (style.bold) body_ += R"( font-weight="bold")";
  if (style.upwards) {
    body_ += fmt::format(" transform=\"rotate(-90 {} {})\"", Px(at.x), Px(at.y));
  }
  body_ += fmt::format(">{}</text>\n", XmlText(text));
}

void Svg::MakeRoom(Point at, const std::string& text, const TextStyle& style) {
  const double width = TextWidth(text, style.size, style.bold);
  const double begin = style.anchor == Anchor::kStart    ? 0
                       : style.anchor == Anchor::kMiddle ? -width / 2
                                                         : -width;
  const double above = kAscent * style.size, below = kDescent * style.size;
  // Turned by 90 degrees, what was to the right is above.
  const Box box = style.upwards ? Box{at.x - above, at.y - begin - width, above + below, width}
                                : Box{at.x + begin, at.y - above, width, above + below};
  left_ = std::min(left_, box.x - kTextMargin);
  top_ = std::min(top_, box.y - kTextMargin);
  right_ = std::max(right_, box.x + box.width + kTextMargin);
  bottom_ = std::max(bottom_, box.y + box.height + kTextMargin);
}

std::string Svg::Finish(double width, double height, const std::string& label,
                        bool standalone) const {
  const double right = std::max(width, right_), bottom = std::max(height, bottom_);
  std::string text = standalone ? "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n" : "";
  text += fmt::format(R"(<svg {}width="{w}" height="{h}" viewBox="{x} {y} {w} {h}" role="img" )"
                      R"(aria-label="{}" style="font-family: Helvetica, Arial, sans-serif">)"
                      "\n",
                      standalone ? R"(xmlns="http://www.w3.org/2000/svg" )" : "", XmlText(label),
                      fmt::arg("x", Px(left_)), fmt::arg("y", Px(top_)),
                      fmt::arg("w", Px(right - left_)), fmt::arg("h", Px(bottom - top_)));
  if (standalone) {
    text += fmt::format(R"(<rect x="{}" y="{}" width="100%" height="100%" fill="#ffffff"/>)"
                        "\n",
                        Px(left_), Px(top_));
  }
  return text + body_ + "</svg>\n";
}

}  // namespace convoy::scaling
