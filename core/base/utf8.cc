// UTF-8, character by character.
#include "core/base/utf8.h"

#include <utf8.h>

#include <algorithm>
#include <iterator>

namespace convoy {

Utf8Character FirstCharacter(std::string_view text) {
  if (text.empty()) return {};
  // What the first byte announces, if it begins a character at all.
  const auto first = static_cast<unsigned char>(text[0]);
  const size_t bytes = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  const std::string_view character = text.substr(0, bytes);
  if (character.size() < bytes || !utf8::is_valid(character.begin(), character.end())) return {};
  auto next = character.begin();
  const auto code = static_cast<char32_t>(utf8::unchecked::next(next));
  return {code, static_cast<int>(bytes)};
}

std::string_view LeadingCharacters(std::string_view text, size_t count) {
  size_t end = 0;
  for (; count > 0 && end < text.size(); --count) {
    end += static_cast<size_t>(std::max(1, FirstCharacter(text.substr(end)).bytes));
  }
  return text.substr(0, end);
}

size_t CountCharacters(std::string_view text) {
  size_t count = 0;
  for (; !text.empty(); ++count) text.remove_prefix(LeadingCharacters(text, 1).size());
  return count;
}

void AppendUtf8(char32_t character, std::string& to) {
  utf8::unchecked::append(character, std::back_inserter(to));
}

}  // namespace convoy
