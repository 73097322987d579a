// The mnist trainer's own flags.
#pragma once

#include <cstdint>

#include "models/mlp.h"
#include "models/trainers/common/flag_part.h"

namespace convoy {

class MnistFlags final : public FlagPart {
 public:
  MlpOptions model{.hidden = {512, 512}, .out = 10};
  int64_t epochs = 10;  ///< unless --steps is given

  void Add(CLI::App& app) override;
};

}  // namespace convoy
