// The settings of a model that Hugging Face's libraries keep in a config.json beside its weights.
#include "models/io/model_config.h"

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

namespace convoy {

Metadata ReadModelConfig(const std::string& weights_path) {
  constexpr uintmax_t kMostBytes = 1 << 20;
  const std::filesystem::path path =
      std::filesystem::path(weights_path).parent_path() / "config.json";
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) return {};
  const uintmax_t bytes = std::filesystem::file_size(path, error);
  if (error || bytes > kMostBytes) return {};
  std::ifstream file(path, std::ios::binary);
  const nlohmann::json config =
      nlohmann::json::parse(file, /*cb=*/nullptr, /*allow_exceptions=*/false);
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
