// What the gpt trainer learns from: characters of a text, or token numbers.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "models/data/split_tokens.h"
#include "models/data/text.h"

namespace convoy {

/// Tokens, their vocabulary, and the part that is for validation (the last tenth).
class GptData {
 public:
  /// Convoy's own sources, or a text file.
  static GptData Characters(const std::string& path);
  /// A file of token numbers (models/data/tokens.h), or without a path random ones.
  static GptData Tokens(const std::string& path, int64_t vocab_size, uint64_t seed);

  /// Whether `path` is a file of token numbers, by its name.
  static bool HoldsTokens(const std::string& path) { return path.ends_with(".bin"); }

  int64_t vocab_size() const { return vocab_size_; }
  std::span<const int32_t> train() const { return tokens_.train(); }
  std::span<const int32_t> validation() const { return tokens_.validation(); }
  /// None if tokens are not characters.
  const std::optional<CharVocabulary>& characters() const { return characters_; }
  std::string Describe() const;
  /// Throws: Error unless both parts hold a window of `block_size` tokens and the one after it.
  void CheckWindows(int64_t block_size) const;

 private:
  const char* Units() const { return characters_ ? "characters" : "tokens"; }

  std::string name_;
  int64_t vocab_size_ = 0;
  std::optional<CharVocabulary> characters_;
  SplitTokens tokens_;
};

}  // namespace convoy
