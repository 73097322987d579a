// What others say, as messages quote it.
#include "tools/launcher/shown.h"

#include "core/printable.h"

namespace convoy {

std::string Shown(std::string_view text, size_t max) {
  if (text.size() <= max) return Printable(text);
  // A character of UTF-8 has at most three bytes behind its first.
  size_t end = max;
  while (end > 0 && max - end < 3 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return Printable(text.substr(0, end)) + "...";
}

}  // namespace convoy
