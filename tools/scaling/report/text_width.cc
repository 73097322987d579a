// How wide a text is: in characters, and at most in pixels, whatever font a reader's machine has.
#include "tools/scaling/report/text_width.h"

#include <string_view>

#include "core/base/utf8.h"

namespace convoy::scaling {
namespace {

// The advance of a letter in DejaVu Sans, as a share of the font size, rounded up.
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

// In DejaVu Sans Bold no letter's advance is more than so many times that of the plain letter.
constexpr double kBold = 1.27;

}  // namespace

std::string Cut(const std::string& text, size_t columns) {
  if (CountCharacters(text) <= columns) return text;
  const std::string_view kept = LeadingCharacters(text, columns > 3 ? columns - 3 : 0);
  return std::string(kept) + std::string("...").substr(0, columns);
}

double TextWidth(const std::string& text, double size, bool bold) {
  double width = 0;
  for (std::string_view rest = text; !rest.empty();) {
    const std::string_view character = LeadingCharacters(rest, 1);
    const bool ascii = static_cast<unsigned char>(character[0]) < 0x80;
    width += ascii ? Advance(character[0]) : 1.1;
    rest.remove_prefix(character.size());
  }
  return width * size * (bold ? kBold : 1);
}

std::string CutToWidth(const std::string& text, double size, double width) {
  if (TextWidth(text, size) <= width) return text;
  for (size_t length = CountCharacters(text); length > 3; --length) {
    std::string cut = Cut(text, length - 1);
    if (TextWidth(cut, size) <= width) return cut;
  }
  return "";
}

}  // namespace convoy::scaling
