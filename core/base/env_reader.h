// Environment variables, read with errors that say what was expected, and remembered for messages.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace convoy {

using EnvMap = std::map<std::string, std::string, std::less<>>;

/// This process's variables.
EnvMap CurrentEnvironment();

/// A whole number of at most 18 digits without a sign; none if `text` is anything else.
std::optional<int64_t> ParseNumber(std::string_view text);

class EnvReader {
 public:
  explicit EnvReader(const EnvMap& env) : env_(env) {}

  /// The value; empty if the variable is not set, which is taken for the same.
  const std::string& Get(std::string_view name);
  bool Has(std::string_view name) { return !Get(name).empty(); }

  /// None if the variable is not set. Throws: Error ending in `way_out` unless it is a whole number
  /// in [min, max].
  std::optional<int> GetNumber(std::string_view name, int min, int max, std::string_view way_out);

  /// "RANK=1 WORLD_SIZE=4": every variable that was there when it was asked for, in that order.
  /// CONVOY_SECRET is left out.
  const std::string& seen() const { return seen_; }

 private:
  const EnvMap& env_;
  std::map<std::string, bool, std::less<>> asked_;
  std::string seen_;
};

}  // namespace convoy
