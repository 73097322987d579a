// UTF-8 to code points and back.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace convoy {

/// Throws: Error starting with `[component]` and naming the offset of the first byte that is not
/// UTF-8 (overlong forms and surrogates are not).
std::vector<char32_t> DecodeUtf8(const char* component, std::string_view text);

/// Appends one code point.
void AppendUtf8(char32_t character, std::string& to);

}  // namespace convoy
