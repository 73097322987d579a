// The TOML files that are built into the program.
#include "tools/scaling/model/built_in_files.h"

namespace convoy::scaling {

std::vector<std::string> NamesOf(const std::vector<BuiltInFile>& files) {
  std::vector<std::string> names;
  for (const BuiltInFile& file : files) names.emplace_back(file.name);
  return names;
}

std::optional<std::string_view> TextOf(const std::vector<BuiltInFile>& files,
                                       std::string_view name) {
  for (const BuiltInFile& file : files) {
    if (file.name == name) return file.text;
  }
  return {};
}

}  // namespace convoy::scaling
