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

}  // namespace

GptData GptData::Characters(const std::string& path) {
  const CharText text = path.empty() ? CharText::FromString(DefaultText(), "the default text")
                                     : CharText::FromFile(path);
  GptData data;
  data.name_ = path.empty() ? "Convoy's own sources" : path;
  data.vocab_size_ = text.vocabulary().size();
  data.characters_ = text.vocabulary();
  data.tokens_ = text.tokens();
  return data;
}

GptData GptData::Tokens(const std::string& path, int64_t vocab_size, uint64_t seed) {
  GptData data;
  data.name_ = path.empty() ? "random tokens, for timing only" : path;
  data.vocab_size_ = vocab_size;
  data.tokens_ = SplitTokens(path.empty() ? RandomTokens(kRandomTokens, vocab_size, seed)
                                          : ReadTokens(path, vocab_size));
  return data;
}

std::string GptData::Describe() const {
  const std::string known = characters_ ? WithCommas(vocab_size_) + " distinct"
                                        : "vocabulary of " + WithCommas(vocab_size_);
  return fmt::format("{}: {} {} ({}), {} of them for validation", name_, WithCommas(tokens_.size()),
                     Units(), known, WithCommas(static_cast<int64_t>(validation().size())));
}

void GptData::CheckWindows(int64_t block_size) const {
  const int64_t wanted = block_size + 1, least = 10 * block_size + 1;
  CONVOY_CHECK(static_cast<int64_t>(validation().size()) >= wanted,
               "[gpt] '{}' has {} {}, of which the last tenth, {}, is for validation: too few for "
               "one window of --block-size {} and what follows it; give at least {} {}, or a "
               "smaller --block-size",
               name_, WithCommas(tokens_.size()), Units(), validation().size(), block_size,
               WithCommas(least), Units());
}

}  // namespace convoy
