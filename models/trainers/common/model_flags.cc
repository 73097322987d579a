// The flags that every model has: its dtype and dropout.
#include "models/trainers/common/model_flags.h"

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <map>

#include "models/trainers/common/checks.h"

namespace convoy {
namespace {

const std::map<std::string, DType> kDTypes{
    {"f32", DType::kF32}, {"bf16", DType::kBF16}, {"f16", DType::kF16}};

}  // namespace

void ModelFlags::Add(CLI::App& app) {
  app.option_defaults()->always_capture_default()->group("Model");
  AddChoice(app, "--dtype", dtype, kDTypes,
            "Of parameters and activations; the optimizer keeps f32. f16 scales the loss");
  app.add_option("--dropout", dropout,
                 "Share of activations dropped while training; each worker draws which")
      ->check(Between(0, 0.999));
}

std::vector<HeaderLine> ModelFlags::Describe() const {
  if (dtype == DType::kF32) return {};
  return {{"precision", fmt::format("{}, f32 in the optimizer{}", Name(dtype),
                                    dtype == DType::kF16 ? "; the loss is scaled" : "")}};
}

}  // namespace convoy
