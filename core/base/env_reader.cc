// Environment variables, read with errors that say what was expected, and remembered for messages.
#include "core/base/env_reader.h"

#include <unistd.h>

#include <charconv>

#include "core/base/error.h"

namespace convoy {

EnvMap CurrentEnvironment() {
  EnvMap env;
  for (char** variable = environ; variable != nullptr && *variable != nullptr; ++variable) {
    const std::string_view text = *variable;
    const size_t equals = text.find('=');
    if (equals != text.npos) env.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return env;
}

std::optional<int64_t> ParseNumber(std::string_view text) {
  if (text.empty() || text.size() > 18 || text.find_first_not_of("0123456789") != text.npos) {
    return {};
  }
  int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

const std::string& EnvReader::Get(std::string_view name) {
  static const std::string none;
  const auto found = env_.find(name);
  if (found == env_.end() || found->second.empty()) return none;
  if (asked_.emplace(name, true).second && name != "CONVOY_SECRET") {
    if (!seen_.empty()) seen_ += ' ';
    seen_.append(name).append("=").append(found->second);
  }
  return found->second;
}

std::optional<int> EnvReader::GetNumber(std::string_view name, int min, int max,
                                        std::string_view way_out) {
  const std::string& text = Get(name);
  if (text.empty()) return {};
  const std::optional<int64_t> value = ParseNumber(text);
  CONVOY_CHECK(value && *value >= min && *value <= max,
               "[Launch] {}: expected a whole number from {} to {}, got '{}'; {}", name, min, max,
               text, way_out);
  return static_cast<int>(*value);
}

}  // namespace convoy
