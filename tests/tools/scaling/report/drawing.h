// Finding things in a drawing.
#pragma once

#include <algorithm>
#include <catch2/catch.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "tests/tools/scaling/report/xml_elements.h"

namespace convoy::scaling {

using Elements = std::vector<XmlElement>;

// The part of the plane that a drawing shows.
struct ViewBox {
  explicit ViewBox(const XmlElement& svg) {
    std::istringstream numbers(svg.attributes.at("viewBox"));
    double width = 0, height = 0;
    numbers >> left >> top >> width >> height;
    right = left + width;
    bottom = top + height;
    CHECK(svg.Number("width") == Approx(width));
    CHECK(svg.Number("height") == Approx(height));
  }
  double left = 0, top = 0, right = 0, bottom = 0;
};

inline bool HasText(const Elements& elements, const std::string& text) {
  return std::any_of(elements.begin(), elements.end(),
                     [&](const XmlElement& e) { return e.name == "text" && e.text == text; });
}

inline XmlElement TextOf(const Elements& elements, const std::string& text) {
  for (const XmlElement& element : elements) {
    if (element.name == "text" && element.text == text) return element;
  }
  FAIL("no text " << text);
  return {};
}

// The first element whose title starts so.
inline XmlElement Titled(const Elements& elements, const std::string& start) {
  for (const XmlElement& element : elements) {
    if (element.title.starts_with(start)) return element;
  }
  FAIL("no title " << start);
  return {};
}

inline int CountTitled(const Elements& elements, const std::string& part) {
  return static_cast<int>(std::count_if(
      elements.begin(), elements.end(),
      [&](const XmlElement& element) { return element.title.find(part) != std::string::npos; }));
}

// Where `value` lies between two numbers of an axis, in pixels.
inline double Between(const Elements& elements, const char* coordinate, const std::string& low,
                      const std::string& high, double share) {
  const double from = TextOf(elements, low).Number(coordinate);
  const double to = TextOf(elements, high).Number(coordinate);
  return from + share * (to - from);
}

}  // namespace convoy::scaling
