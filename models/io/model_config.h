// The settings of a model that Hugging Face's libraries keep in a config.json beside its weights.
#pragma once

#include <string>

#include "models/io/tensor_file.h"

namespace convoy {

/// The numbers, texts and booleans of the config.json in the folder of `weights_path`, as text
/// ("n_head": "12"); empty if there is none, or one that is no model's (without "model_type").
Metadata ReadModelConfig(const std::string& weights_path);

}  // namespace convoy
