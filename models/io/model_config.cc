// The settings of a model that Hugging Face's libraries keep in a config.json beside its weights.
#include "models/io/model_config.h"

#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/base/error.h"
#include "core/base/file.h"
#include "models/io/json_text.h"

namespace convoy {

Metadata ReadModelConfig(const std::string& weights_path) {
  constexpr int64_t kMostBytes = 1 << 20;
  const std::filesystem::path path =
      std::filesystem::path(weights_path).parent_path() / "config.json";
  std::string text;
  try {
    text = ReadWholeFile("config.json", path.string(), kMostBytes);
    CheckJsonText(text, {.depth = 64});
  } catch (const Error&) {  // none, or none of a model
    return {};
  }
  const nlohmann::json config =
      nlohmann::json::parse(text, /*cb=*/nullptr, /*allow_exceptions=*/false);
  if (!config.is_object() || !config.contains("model_type")) return {};
  Metadata settings;
  for (const auto& [name, value] : config.items()) {
    if (value.is_string()) {
      settings[name] = value.get<std::string>();
    } else if (value.is_number() || value.is_boolean()) {
      settings[name] = value.dump();
    }
  }
  return settings;
}

}  // namespace convoy
