// UTF-8, character by character.
#include "core/base/utf8.h"

#include <cstddef>
#include <cstdint>

namespace convoy {
namespace {

// Bytes of the sequence that `first` opens and the bits of the code point in it; 0 if it opens
// none.
struct Opening {
  int length;
  char32_t bits;
  char32_t least;  // a smaller code point would have had a shorter form
};

Opening Open(uint8_t first) {
  if (first < 0x80) return {1, first, 0};
  if (first >= 0xc0 && first < 0xe0) return {2, first & 0x1fu, 0x80};
  if (first >= 0xe0 && first < 0xf0) return {3, first & 0x0fu, 0x800};
  if (first >= 0xf0 && first < 0xf8) return {4, first & 0x07u, 0x10000};
  return {0, 0, 0};
}

}  // namespace

Utf8Character FirstCharacter(std::string_view text) {
  if (text.empty()) return {};
  const Opening opening = Open(static_cast<uint8_t>(text[0]));
  const size_t length = static_cast<size_t>(opening.length);
  if (length == 0 || length > text.size()) return {};
  char32_t code = opening.bits;
  for (size_t i = 1; i < length; ++i) {
    const uint8_t byte = static_cast<uint8_t>(text[i]);
    if ((byte & 0xc0) != 0x80) return {};
    code = code << 6 | (byte & 0x3fu);
  }
  if (code < opening.least || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return {};
  return {code, opening.length};
}

void AppendUtf8(char32_t character, std::string& to) {
  const auto byte = [&to](char32_t bits) { to += static_cast<char>(bits); };
  if (character < 0x80) return byte(character);
  if (character < 0x800) {
    byte(0xc0 | character >> 6);
  } else {
    if (character < 0x10000) {
      byte(0xe0 | character >> 12);
    } else {
      byte(0xf0 | character >> 18);
      byte(0x80 | (character >> 12 & 0x3f));
    }
    byte(0x80 | (character >> 6 & 0x3f));
  }
  byte(0x80 | (character & 0x3f));
}

}  // namespace convoy
