// Token numbers, cut into a part for training and a part for validation.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace convoy {

/// Tokens of which the first nine tenths are for training, the rest for validation.
class SplitTokens {
 public:
  SplitTokens() = default;
  explicit SplitTokens(std::vector<int32_t> tokens) : tokens_(std::move(tokens)) {}

  /// Of both parts.
  int64_t size() const { return static_cast<int64_t>(tokens_.size()); }
  std::span<const int32_t> train() const { return std::span(tokens_).first(TrainSize()); }
  std::span<const int32_t> validation() const { return std::span(tokens_).subspan(TrainSize()); }

 private:
  size_t TrainSize() const { return tokens_.size() * 9 / 10; }

  std::vector<int32_t> tokens_;
};

}  // namespace convoy
