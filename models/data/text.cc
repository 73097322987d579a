// Character-level text: a vocabulary, and windows of token numbers for language models.
#include "models/data/text.h"

#include <algorithm>
#include <limits>

#include "core/base/error.h"
#include "core/base/file.h"
#include "core/base/printable.h"
#include "core/base/utf8.h"
#include "core/random.h"
#include "models/io/file_kind.h"

namespace convoy {
namespace {

// Streams of the seed that no model's initialisation or dropout comes near, nor a shuffled epoch.
constexpr uint64_t kWindowStream = uint64_t{1} << 62;

// x (B, T) and y (B * T) of the windows that start at `offsets`.
Batch Windows(std::span<const int32_t> tokens, std::span<const int64_t> offsets, int64_t block_size,
              Device device) {
  const int64_t n = static_cast<int64_t>(offsets.size());
  const Tensor x = Tensor::Empty({n, block_size}, {DType::kI32, device});
  const Tensor y = Tensor::Empty({n * block_size}, {DType::kI32, device});
  for (int64_t i = 0; i < n; ++i) {
    const int32_t* window = tokens.data() + offsets[static_cast<size_t>(i)];
    std::copy_n(window, block_size, x.data<int32_t>() + i * block_size);
    std::copy_n(window + 1, block_size, y.data<int32_t>() + i * block_size);
  }
  return {x, y};
}

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

void CheckWindow(const char* component, std::span<const int32_t> tokens, int64_t block_size) {
  CONVOY_CHECK(block_size > 0, "[{}] block_size must be over 0, got {}", component, block_size);
  CONVOY_CHECK(static_cast<int64_t>(tokens.size()) > block_size,
               "[{}] a text of {} tokens has no window of block_size {} and the token after it; "
               "use a longer text or a smaller block_size",
               component, tokens.size(), block_size);
}

int64_t CheckedSteps(std::span<const int32_t> tokens, const Worker& worker,
                     const TextBatchOptions& options) {
  CheckWindow("TextBatches", tokens, options.block_size);
  CheckBatchSize("TextBatches", options.batch_size, options.batch_size, worker.world_size());
  CONVOY_CHECK(options.steps >= 0 && options.first_step >= 0,
               "[TextBatches] steps and first_step must be 0 or more, got {} and {}", options.steps,
               options.first_step);
  return options.steps;
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
  result.tokens_ = result.vocabulary_.Encode(text);
  result.split_ = result.tokens_.size() * 9 / 10;
  return result;
}

TextBatches::TextBatches(std::span<const int32_t> tokens, Worker& worker,
                         const TextBatchOptions& options)
    : BatchStream(
          worker, CheckedSteps(tokens, worker, options),
          [tokens, options, mine = ShareOf(options.batch_size, worker.rank(), worker.world_size())](
              int64_t index, Device cpu) -> Dealt {
            const uint64_t step = static_cast<uint64_t>(options.first_step + index);
            const std::vector<int64_t> offsets =
                Random(options.seed, kWindowStream + step)
                    .Integers(options.batch_size,
                              static_cast<int64_t>(tokens.size()) - options.block_size);
            const auto share = std::span(offsets).subspan(static_cast<size_t>(mine.begin),
                                                          static_cast<size_t>(mine.size()));
            return {Windows(tokens, share, options.block_size, cpu),
                    static_cast<double>(mine.size()) / static_cast<double>(options.batch_size)};
          }) {}

TextWindows::TextWindows(std::span<const int32_t> tokens, int64_t block_size)
    : tokens_(tokens), block_size_(block_size) {
  CheckWindow("TextWindows", tokens, block_size);
}

int64_t TextWindows::size() const {
  return (static_cast<int64_t>(tokens_.size()) - 1) / block_size_;
}

std::pair<Tensor, Tensor> TextWindows::Get(std::span<const int64_t> indices, Device device) const {
  std::vector<int64_t> offsets;
  for (const int64_t index : indices) {
    CONVOY_CHECK(index >= 0 && index < size(), "[TextWindows] window {} of {} asked for", index,
                 size());
    offsets.push_back(index * block_size_);
  }
  Batch batch = Windows(tokens_, offsets, block_size_, device);
  return {std::move(batch.inputs), std::move(batch.targets)};
}

}  // namespace convoy
