// Checks of what is on the command line.
#pragma once

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <limits>
#include <map>
#include <string>

namespace convoy {

/// A number of at least `low` and at most `high`; says so in its message, and nothing in --help.
inline CLI::Validator Between(double low, double high) {
  return CLI::Validator(
      [low, high](std::string& text) {
        double value = 0;
        if (CLI::detail::lexical_cast(text, value) && value >= low && value <= high) {
          return std::string();
        }
        return high < std::numeric_limits<double>::infinity()
                   ? fmt::format("wants a number from {} to {}, got '{}'", low, high, text)
                   : fmt::format("wants a number of at least {}, got '{}'", low, text);
      },
      "");
}

inline CLI::Validator AtLeast(double low) {
  return Between(low, std::numeric_limits<double>::infinity());
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

/// Throws: Error naming `flag`, `path` and the reason if no file can be made there: before hours
/// are spent on what goes into it.
void CheckWritable(const char* flag, const std::string& path);

}  // namespace convoy
