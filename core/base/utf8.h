// UTF-8, character by character.
#pragma once

#include <string>
#include <string_view>

namespace convoy {

struct Utf8Character {
  char32_t code = 0;
  int bytes = 0;  ///< 0: the text begins with none
};

/// The code point that `text` begins with. Overlong forms, surrogates and what is cut off are none.
Utf8Character FirstCharacter(std::string_view text);

/// Appends one code point.
void AppendUtf8(char32_t character, std::string& to);

}  // namespace convoy
