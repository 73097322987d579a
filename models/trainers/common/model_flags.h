// The flags that every model has: its dtype and dropout.
#pragma once

#include "core/dtype.h"
#include "models/trainers/common/flag_part.h"

namespace convoy {

class ModelFlags final : public FlagPart {
 public:
  DType dtype = DType::kF32;  ///< of parameters and activations
  double dropout = 0;         ///< share of activations that are dropped while training

  void Add(CLI::App& app) override;
  std::vector<HeaderLine> Describe() const override;
};

}  // namespace convoy
