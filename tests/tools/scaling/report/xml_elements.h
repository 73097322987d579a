// The elements of a drawing or a page, as an XML parser sees them.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace convoy::scaling {

struct XmlElement {
  std::string name;
  std::map<std::string, std::string> attributes;
  std::string text;   ///< its own, without that of elements below
  std::string title;  ///< of its <title>, if it has one

  /// An attribute as a number. Throws: std::exception if it is none.
  double Number(const std::string& attribute) const { return std::stod(attributes.at(attribute)); }
};

/// In document order. Throws: std::runtime_error with line and reason if `text` is not well-formed.
std::vector<XmlElement> XmlElements(const std::string& text);

}  // namespace convoy::scaling
