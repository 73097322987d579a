// Character-level text: a vocabulary, and a text as token numbers.
#include "models/data/text.h"

#include <algorithm>
#include <limits>

#include "core/base/error.h"
#include "core/base/file.h"
#include "core/base/printable.h"
#include "core/base/utf8.h"
#include "models/io/file_kind.h"

namespace convoy {
namespace {

// Calls `use` with every code point of a UTF-8 text; takes no memory.
template <typename Use>
void EachCharacter(std::string_view text, const Use& use) {
  for (size_t at = 0; at < text.size();) {
    const Utf8Character character = FirstCharacter(text.substr(at));
    CONVOY_CHECK(character.bytes > 0,
                 "[CharVocabulary] byte 0x{:02x} at offset {} is not UTF-8; convert the text to "
                 "UTF-8",
                 static_cast<uint8_t>(text[at]), at);
    use(character.code);
    at += static_cast<size_t>(character.bytes);
  }
}

}  // namespace

CharVocabulary::CharVocabulary(std::string_view text) {
  std::vector<bool> seen(0x110000);
  EachCharacter(text, [&](char32_t character) { seen[character] = true; });
  for (char32_t character = 0; character < seen.size(); ++character) {
    if (!seen[character]) continue;
    numbers_.emplace(character, static_cast<int32_t>(characters_.size()));
    characters_.push_back(character);
  }
}

std::string CharVocabulary::ToString() const {
  std::string text;
  for (const char32_t character : characters_) AppendUtf8(character, text);
  return text;
}

std::vector<int32_t> CharVocabulary::Encode(std::string_view text) const {
  std::vector<int32_t> tokens;
  tokens.reserve(text.size());
  EachCharacter(text, [&](char32_t character) {
    const auto found = numbers_.find(character);
    if (found == numbers_.end()) {
      std::string shown;
      AppendUtf8(character, shown);
      Fail("[CharVocabulary] character '{}' (U+{:04X}) is not among the {} known ones",
           Printable(shown), static_cast<uint32_t>(character), size());
    }
    tokens.push_back(found->second);
  });
  return tokens;
}

std::string CharVocabulary::Decode(std::span<const int32_t> tokens) const {
  std::string text;
  for (const int32_t token : tokens) {
    CONVOY_CHECK(token >= 0 && token < size(), "[CharVocabulary] token {} lies outside [0, {})",
                 token, size());
    AppendUtf8(characters_[static_cast<size_t>(token)], text);
  }
  return text;
}

CharText CharText::FromFile(const std::string& path) {
  const std::string text = ReadWholeFile("CharText", path, std::numeric_limits<int64_t>::max() / 2);
  const std::string_view bytes = text;
  CheckKind("CharText", path,
            Recognize(bytes, bytes.substr(bytes.size() - std::min<size_t>(bytes.size(), 8)),
                      static_cast<int64_t>(bytes.size()), path),
            Wanted::kText);
  return FromString(text, path);
}

CharText CharText::FromString(std::string_view text, const std::string& name) {
  CONVOY_CHECK(!text.empty(), "[CharText] '{}' is empty", name);
  CharText result;
  try {
    result.vocabulary_ = CharVocabulary(text);
  } catch (const Error& error) {
    Fail("[CharText] '{}': {}", name, error.what());
  }
  result.tokens_ = SplitTokens(result.vocabulary_.Encode(text));
  return result;
}

}  // namespace convoy
