// Text that comes from outside, as it may be shown in a message.
#include "core/base/printable.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>

#include "core/base/utf8.h"

namespace convoy {
namespace {

bool IsHidden(char32_t code) {
  const bool control = code < 0x20 || (code >= 0x7f && code < 0xa0);
  const bool separator = code == 0x2028 || code == 0x2029;
  // A name that overrides the direction of writing may look like another one.
  const bool direction = (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
  return control || separator || direction;
}

std::string Show(std::string_view text, bool keep_lines) {
  std::string shown;
  shown.reserve(text.size());
  while (!text.empty()) {
    const Utf8Character character = FirstCharacter(text);
    const size_t bytes = std::max<size_t>(static_cast<size_t>(character.bytes), 1);
    const bool kept =
        keep_lines && (text[0] == '\n' || text[0] == '\t' || text.starts_with("\r\n"));
    if (kept || (character.bytes > 0 && !IsHidden(character.code))) {
      shown += text.substr(0, bytes);
    } else {
      for (const char byte : text.substr(0, bytes)) {
        shown += fmt::format("\\x{:02x}", static_cast<unsigned char>(byte));
      }
    }
    text.remove_prefix(bytes);
  }
  return shown;
}

}  // namespace

std::string Printable(std::string_view text) { return Show(text, /*keep_lines=*/false); }

std::string PrintableText(std::string_view text) { return Show(text, /*keep_lines=*/true); }

std::string PrintableStart(std::string_view text, size_t max) {
  if (text.size() <= max) return Printable(text);
  // A character of UTF-8 has at most three bytes behind its first.
  size_t end = max;
  while (end > 0 && max - end < 3 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return Printable(text.substr(0, end)) + "...";
}

}  // namespace convoy
