// Character-level text: a vocabulary, and a text as token numbers.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "models/data/split_tokens.h"

namespace convoy {

/// The characters (Unicode code points) that a model knows, numbered in sorted order.
class CharVocabulary {
 public:
  CharVocabulary() = default;
  /// The distinct characters of a UTF-8 text. Throws: Error at the first byte that is not UTF-8.
  explicit CharVocabulary(std::string_view text);

  int64_t size() const { return static_cast<int64_t>(characters_.size()); }
  /// All characters in order: what to store with a model, and to construct from again.
  std::string ToString() const;

  /// Throws: Error on a character that is not in the vocabulary, or bytes that are not UTF-8.
  std::vector<int32_t> Encode(std::string_view text) const;
  /// UTF-8. Throws: Error on a number outside [0, size()).
  std::string Decode(std::span<const int32_t> tokens) const;

 private:
  std::vector<char32_t> characters_;
  std::map<char32_t, int32_t> numbers_;
};

/// A text as token numbers, its first nine tenths for training, the rest for validation.
class CharText {
 public:
  /// Throws: Error if the file cannot be read, is empty, is of another kind (which it names) or is
  /// not UTF-8.
  static CharText FromFile(const std::string& path);
  /// `name` is what messages call it.
  static CharText FromString(std::string_view text, const std::string& name = "text");

  const CharVocabulary& vocabulary() const { return vocabulary_; }
  const SplitTokens& tokens() const { return tokens_; }
  std::span<const int32_t> train() const { return tokens_.train(); }
  std::span<const int32_t> validation() const { return tokens_.validation(); }

 private:
  CharVocabulary vocabulary_;
  SplitTokens tokens_;
};

}  // namespace convoy
