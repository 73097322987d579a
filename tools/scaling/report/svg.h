// A drawing as SVG: lines, rectangles, marks and text, in pixels from the upper left corner.
#pragma once

#include <string>
#include <vector>

namespace convoy::scaling {

struct Point {
  double x = 0, y = 0;
};

struct Box {
  double x = 0, y = 0, width = 0, height = 0;
};

struct Stroke {
  const char* color = "#000000";
  double width = 1;
  const char* dash = "";  ///< lengths of dashes and gaps, "6 3"
};

enum class Hatch { kNone, kRising, kFalling };
enum class Shape { kCircle, kSquare, kTriangle, kDiamond, kDown };
enum class Anchor { kStart, kMiddle, kEnd };

struct TextStyle {
  double size = 12;
  Anchor anchor = Anchor::kStart;
  const char* color = "#000000";
  bool bold = false;
  bool upwards = false;  ///< turned by 90 degrees
};

/// Shapes with a coordinate that is not finite are left out. A browser shows `title` under the
/// pointer.
class Svg {
 public:
  void Line(Point from, Point to, const Stroke& stroke);
  /// An open line through `points`, interrupted at points that are not finite.
  void Path(const std::vector<Point>& points, const Stroke& stroke);
  void Rect(const Box& box, const char* fill, Hatch hatch = Hatch::kNone,
            const std::string& title = {});
  /// If `open`, only its outline.
  void Mark(Shape shape, Point at, const char* color, bool open = false,
            const std::string& title = {});
  /// `at` is on the base line.
  void Text(Point at, const std::string& text, const TextStyle& style = {});

  /// The whole element, from 0, 0 to width, height, and larger where a text would be cut off in a
  /// wide font (TextWidth). `label` says what is drawn, to those who do not see it. Standalone: for
  /// a file, with the XML namespace and a white ground.
  std::string Finish(double width, double height, const std::string& label, bool standalone) const;

 private:
  void Element(const std::string& open, const char* tag, const std::string& title);
  void MakeRoom(Point at, const std::string& text, const TextStyle& style);

  std::string body_;
  double left_ = 0, top_ = 0, right_ = 0, bottom_ = 0;  // of all texts, and 0, 0
};

}  // namespace convoy::scaling
