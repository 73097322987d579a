// Text for SVG and HTML.
#pragma once

#include <string>

namespace convoy::scaling {

/// `text` with the characters that mean something in XML escaped, fit for content and for
/// attributes in double quotation marks. Control characters and what is no UTF-8, which XML
/// forbids, become U+FFFD.
std::string XmlText(const std::string& text);

}  // namespace convoy::scaling
