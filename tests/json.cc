// Parses the JSON that a program under test has written.
#include "tests/json.h"

#include <fstream>

namespace convoy {

nlohmann::json ParseJson(const std::string& text) { return nlohmann::json::parse(text); }

nlohmann::json ReadJson(const std::string& path) {
  std::ifstream file(path);
  return nlohmann::json::parse(file);
}

}  // namespace convoy
