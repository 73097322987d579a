// Which flags stand on the command line, and whether they go together.
#pragma once

#include <set>
#include <string>

#include "models/trainers/common/flags.h"

namespace convoy {

/// The flags that the user has given, as opposed to those that a preset sets later.
class GivenFlags {
 public:
  explicit GivenFlags(const CLI::App& app);
  /// `name` as in "--lr".
  bool operator()(const std::string& name) const { return names_.contains(name); }

 private:
  std::set<std::string> names_;
};

/// Once all values are known: refuses flags that were given and would have no effect beside the
/// others, or ask for what the others do not allow, and lowers a --min-lr that was not given to
/// --lr.
/// Throws: UsageError naming the flag and what it goes with.
void SettleFlags(const GivenFlags& given, CommonFlags& flags);

}  // namespace convoy
