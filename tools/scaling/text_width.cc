// How wide a text is at most, whatever the font that a reader's machine has.
#include "tools/scaling/text_width.h"

#include <string_view>

#include "tools/scaling/numbers.h"

namespace convoy {
namespace {

// The advance of DejaVu Sans, as a share of the font size, rounded up.
double Advance(char c) {
  const auto is_in = [c](std::string_view set) { return set.find(c) != set.npos; };
  if (is_in("ijlIJ")) return 0.3;
  if (is_in(" ,./:;\\|'")) return 0.34;
  if (is_in("f-()[]tr!")) return 0.42;
  if (is_in("\"*_`")) return 0.5;
  if (is_in("UNHDGOQ")) return 0.8;
  if (is_in("w#+<=>^~")) return 0.84;
  if (is_in("mMW%@&")) return 1;
  if (c >= 'A' && c <= 'Z') return 0.7;
  return 0.64;
}

// No letter's advance in DejaVu Sans Bold is more than that over the plain one's.
constexpr double kBold = 1.27;

}  // namespace

double TextWidth(const std::string& text, double size, bool bold) {
  double width = 0;
  for (const char c : text) {
    const unsigned char byte = static_cast<unsigned char>(c);
    if (byte >= 0x80 && byte < 0xC0) continue;  // the rest of a character
    width += byte < 0x80 ? Advance(c) : 1.1;
  }
  return width * size * (bold ? kBold : 1);
}

std::string CutToWidth(const std::string& text, double size, double width) {
  if (TextWidth(text, size) <= width) return text;
  for (size_t length = Length(text); length > 3; --length) {
    std::string cut = Cut(text, length - 1);
    if (TextWidth(cut, size) <= width) return cut;
  }
  return "";
}

}  // namespace convoy
