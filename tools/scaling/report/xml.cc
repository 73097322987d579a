// Text for SVG and HTML.
#include "tools/scaling/report/xml.h"

#include <string_view>

#include "core/base/utf8.h"

namespace convoy::scaling {
namespace {

// The length in bytes of the character that `text` begins with, or 0 if there is none that XML
// (1.0, production 2) and HTML allow: XML has no control characters but tabs and line ends, HTML
// none of U+0080 to U+009F either.
size_t AllowedLength(std::string_view text) {
  const auto [code, bytes] = FirstCharacter(text);
  const bool control =
      code < 0x20 ? code != '\t' && code != '\n' && code != '\r' : code >= 0x80 && code < 0xA0;
  return control || code == 0xFFFE || code == 0xFFFF ? 0 : static_cast<size_t>(bytes);
}

}  // namespace

std::string XmlText(const std::string& text) {
  std::string escaped;
  for (size_t at = 0; at < text.size();) {
    const size_t length = AllowedLength(std::string_view(text).substr(at));
    switch (text[at]) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      default:
        escaped += length == 0 ? "\xEF\xBF\xBD" : text.substr(at, length);
    }
    at += length == 0 ? 1 : length;
  }
  return escaped;
}

}  // namespace convoy::scaling
