// UTF-8, character by character.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace convoy {

struct Utf8Character {
  char32_t code = 0;
  int bytes = 0;  ///< 0: the text does not begin with a character
};

/// The code point that `text` begins with. Overlong forms, surrogates and characters that are cut
/// off do not count.
Utf8Character FirstCharacter(std::string_view text);

/// How many characters `text` has. A byte that belongs to none counts as one: readers see U+FFFD.
size_t CountCharacters(std::string_view text);
/// The first `count` characters of `text`, counted in the same way; all of it if it has fewer.
std::string_view LeadingCharacters(std::string_view text, size_t count);

/// Appends one code point.
void AppendUtf8(char32_t character, std::string& to);

}  // namespace convoy
