// The gpt trainer's own flags, and its presets.
#pragma once

#include <cstdint>
#include <string>

#include "models/gpt.h"
#include "models/trainers/common/flag_part.h"

namespace convoy {

class GptFlags final : public FlagPart {
 public:
  GptOptions model{.block_size = 64, .layers = 4, .heads = 4, .channels = 128};
  std::string preset = "default";
  int64_t vocab_size = 50257;  ///< of tokens
  int64_t eval_samples = 256;
  bool untie_embeddings = false;
  GenerateOptions sample{.tokens = 500, .temperature = 0.8};

  void Add(CLI::App& app) override;
  /// Gives the flags of every part the values of the preset.
  void SetDefaults(CLI::App& app) override;
  /// Refuses flags that were given and have no effect. `tokens`: the data are tokens, not
  /// characters. Throws: UsageError naming the flag and the reason.
  void CheckGoTogether(const GivenFlags& given, bool tokens, int64_t eval_every) const;
};

}  // namespace convoy
