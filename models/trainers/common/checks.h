// Validators of the values of flags.
#pragma once

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <cmath>
#include <cstdint>
#include <limits>
#include <map>
#include <string>

#include "models/trainers/common/file_checks.h"  // IWYU pragma: export

namespace convoy {

/// A finite number of at least `low` and at most `high`; says so in its message, and nothing in
/// --help.
inline CLI::Validator Between(double low, double high) {
  return CLI::Validator(
      [low, high](std::string& text) {
        double value = 0;
        if (CLI::detail::lexical_cast(text, value) && std::isfinite(value) && value >= low &&
            value <= high) {
          return std::string();
        }
        return high < std::numeric_limits<double>::max()
                   ? fmt::format("wants a number from {} to {}, got '{}'", low, high, text)
                   : fmt::format("wants a number of at least {}, got '{}'", low, text);
      },
      "");
}

inline CLI::Validator AtLeast(double low) {
  return Between(low, std::numeric_limits<double>::max());
}

/// An option that has a few values, each with a name; the one that `value` has is the default.
/// `names` must outlive the app.
template <typename T>
void AddChoice(CLI::App& app, const std::string& flag, T& value,
               const std::map<std::string, T>& names, const std::string& help) {
  std::string all, given;
  for (const auto& [name, named] : names) {
    all += (all.empty() ? "" : "|") + name;
    if (named == value) given = name;
  }
  app.add_option_function<std::string>(
         flag, [&value, &names](const std::string& name) { value = names.at(name); }, help)
      ->check(CLI::Validator(
          [&names, all](std::string& name) {
            return names.contains(name) ? "" : "wants one of " + all + ", got '" + name + "'";
          },
          ""))
      ->type_name(all)
      ->default_str(given);
}

/// A number of at least 0 that f32 can hold.
inline CLI::Validator NotNegative() { return Between(0, 1e38); }

/// A whole number from `low` to `high`.
inline CLI::Validator Whole(int64_t low, int64_t high) {
  return CLI::Validator(
      [low, high](std::string& text) {
        int64_t value = 0;
        if (CLI::detail::lexical_cast(text, value) && value >= low && value <= high) {
          return std::string();
        }
        return fmt::format("wants a whole number from {} to {}, got '{}'", low, high, text);
      },
      "");
}

// Upper bounds of flags: far beyond any use, and small enough that products of a few of them fit in
// 64 bits.
constexpr int64_t kMostSteps = 1'000'000'000'000;
constexpr int64_t kMostSamples = int64_t{1} << 24;  ///< of a batch
constexpr int64_t kMostLayers = 10'000;
constexpr int64_t kMostFeatures = int64_t{1} << 20;  ///< of a layer; a vocabulary
constexpr double kMostMiB = 1 << 20;

}  // namespace convoy
