// UTF-8 to code points and back.
#include "models/data/utf8.h"

#include <cstdint>

#include "core/error.h"

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

std::vector<char32_t> DecodeUtf8(const char* component, std::string_view text) {
  std::vector<char32_t> characters;
  characters.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    const Opening opening = Open(static_cast<uint8_t>(text[at]));
    const size_t length = static_cast<size_t>(opening.length);
    bool valid = length > 0 && at + length <= text.size();
    char32_t character = opening.bits;
    for (size_t i = 1; valid && i < length; ++i) {
      const uint8_t byte = static_cast<uint8_t>(text[at + i]);
      valid = (byte & 0xc0) == 0x80;
      character = character << 6 | (byte & 0x3fu);
    }
    valid = valid && character >= opening.least && character <= 0x10ffff &&
            (character < 0xd800 || character > 0xdfff);
    CONVOY_CHECK(valid, "[{}] byte 0x{:02x} at offset {} is not UTF-8; convert the text to UTF-8",
                 component, static_cast<uint8_t>(text[at]), at);
    characters.push_back(character);
    at += length;
  }
  return characters;
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
