// What the gpt trainer learns from.
#include "models/trainers/gpt_data.h"

#include <fmt/core.h>

#include "core/base/error.h"
#include "core/base/number_text.h"
#include "models/data/tokens.h"
#include "models/trainers/default_text.h"

namespace convoy {
namespace {

constexpr int64_t kRandomTokens = 1 << 21;

size_t SplitAt(size_t tokens) { return tokens * 9 / 10; }

}  // namespace

GptData GptData::Characters(const std::string& path) {
  const CharText text = path.empty() ? CharText::FromString(DefaultText(), "the default text")
                                     : CharText::FromFile(path);
  GptData data;
  data.name_ = path.empty() ? "Convoy's own sources" : path;
  data.vocab_size_ = text.vocabulary().size();
  data.characters_ = text.vocabulary();
  data.tokens_.assign(text.train().begin(), text.train().end());
  data.tokens_.insert(data.tokens_.end(), text.validation().begin(), text.validation().end());
  return data;
}

GptData GptData::Tokens(const std::string& path, int64_t vocab_size, uint64_t seed) {
  GptData data;
  data.name_ = path.empty() ? "random tokens, for timing only" : path;
  data.vocab_size_ = vocab_size;
  data.tokens_ =
      path.empty() ? RandomTokens(kRandomTokens, vocab_size, seed) : ReadTokens(path, vocab_size);
  return data;
}

std::span<const int32_t> GptData::train() const {
  return std::span(tokens_).first(SplitAt(tokens_.size()));
}

std::span<const int32_t> GptData::validation() const {
  return std::span(tokens_).subspan(SplitAt(tokens_.size()));
}

std::string GptData::Describe() const {
  const std::string known = characters_ ? WithCommas(vocab_size_) + " distinct"
                                        : "vocabulary of " + WithCommas(vocab_size_);
  return fmt::format("{}: {} {} ({}), {} of them for validation", name_,
                     WithCommas(static_cast<int64_t>(tokens_.size())), Units(), known,
                     WithCommas(static_cast<int64_t>(validation().size())));
}

void GptData::CheckWindows(int64_t block_size) const {
  const int64_t wanted = block_size + 1, least = 10 * block_size + 1;
  CONVOY_CHECK(static_cast<int64_t>(validation().size()) >= wanted,
               "[gpt] '{}' has {} {}, of which the last tenth, {}, is for validation: too few for "
               "one window of --block-size {} and what follows it; give at least {} {}, or a "
               "smaller --block-size",
               name_, WithCommas(static_cast<int64_t>(tokens_.size())), Units(),
               validation().size(), block_size, WithCommas(least), Units());
}

}  // namespace convoy
