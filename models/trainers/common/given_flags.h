// Which flags stand on the command line.
#pragma once

#include <set>
#include <string>

namespace CLI {
class App;
}

namespace convoy {

/// The flags that the user has given, as opposed to those that a preset sets later.
class GivenFlags {
 public:
  explicit GivenFlags(const CLI::App& app);
  /// Whether the flag was given; `name` as in "--lr".
  bool operator()(const std::string& name) const { return names_.contains(name); }

 private:
  std::set<std::string> names_;
};

/// Gives the flag `name` ("--steps") a value unless the command line has one: for presets.
void SetUnlessGiven(CLI::App& app, const std::string& name, const std::string& value);

}  // namespace convoy
