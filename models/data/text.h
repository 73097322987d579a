// Character-level text: a vocabulary, and windows of token numbers for language models.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/tensor.h"
#include "models/data/batch_stream.h"

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
  std::span<const int32_t> train() const { return std::span(tokens_).first(split_); }
  std::span<const int32_t> validation() const { return std::span(tokens_).subspan(split_); }

 private:
  CharVocabulary vocabulary_;
  std::vector<int32_t> tokens_;
  size_t split_ = 0;
};

struct TextBatchOptions {
  int64_t batch_size = 12;  ///< global: windows per step over all workers
  int64_t block_size = 64;  ///< T, tokens per window
  int64_t first_step = 0;   ///< to go on with an interrupted run
  int64_t steps = 1;        ///< batches in the range
  uint64_t seed = 0;
};

/// Windows at random places, for training: `for (auto [x, y] : TextBatches(text.train(), ...))`.
/// Which ones a step gets depends on seed and step only; worker r of N has its contiguous part.
///
/// Shape: x (B, T), y (B * T): for each token of x the one after it, ready for CrossEntropy over
///        logits reshaped to (B * T, V).  DType: i32.
class TextBatches : public BatchStream {
 public:
  /// `tokens` must outlive the range.
  /// Throws: Error if the text is not longer than a window, or on a batch of fewer windows than
  /// there are workers.
  TextBatches(std::span<const int32_t> tokens, Worker& worker, const TextBatchOptions& options);
};

/// Consecutive windows that do not overlap, for evaluation; a Dataset. A last window that is not
/// full is left out. Shapes and dtypes as those of TextBatches.
class TextWindows {
 public:
  /// `tokens` must outlive it. Throws: Error if the text is not longer than a window.
  TextWindows(std::span<const int32_t> tokens, int64_t block_size);

  int64_t size() const;
  std::pair<Tensor, Tensor> Get(std::span<const int64_t> indices, Device device) const;

 private:
  std::span<const int32_t> tokens_;
  int64_t block_size_;
};

}  // namespace convoy
