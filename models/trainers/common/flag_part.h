// A part of a trainer's command line: flags that belong together.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "models/trainers/common/file_checks.h"

namespace CLI {
class App;
}

namespace convoy {

class GivenFlags;

/// The files that the flags of a run name.
struct FlagFiles {
  std::vector<NamedFile> outputs;
  std::vector<NamedFile> inputs;
  /// Pairs of an output's and an input's flag that may name one file (CheckDistinct).
  std::vector<std::pair<std::string_view, std::string_view>> updates;
};

/// A line of the header that a run prints: "  precision   bf16, f32 in the optimizer".
struct HeaderLine {
  std::string name;
  std::string value;
};

/// Flags that belong together: the part owns their values, adds the flags to the command line,
/// checks them, and describes them in the header of the run. A trainer takes up a part with
/// Trainer::Use. The methods are called in the order in which they are declared.
class FlagPart {
 public:
  FlagPart() = default;
  FlagPart(const FlagPart&) = delete;
  FlagPart& operator=(const FlagPart&) = delete;
  virtual ~FlagPart() = default;

  /// Adds the flags, with the present values as their defaults.
  virtual void Add(CLI::App& app) = 0;
  /// Adds the files that the flags name to `files`; all files of a run are checked together.
  virtual void ListFiles(FlagFiles& files) const;
  /// Checks what can be checked before data is read. Throws: Error naming the flag, what is wrong
  /// and the way out.
  virtual void Check() const;
  /// Changes defaults that depend on other flags (SetUnlessGiven).
  virtual void SetDefaults(CLI::App& app);
  /// Refuses, once all values are known, flags that were given and have no effect beside the
  /// others, or ask for what the others do not allow. Throws: UsageError naming the flag and what
  /// it goes with.
  virtual void Settle(const GivenFlags& given);
  /// The part's lines of the header; none if there is nothing to report.
  virtual std::vector<HeaderLine> Describe() const;
};

/// Checks the flags of all parts and the files that they name, so that no run ends in a file that
/// cannot be written. Throws: Error as FlagPart::Check, CheckWritable and CheckDistinct.
void CheckFlags(const std::vector<FlagPart*>& parts);

}  // namespace convoy
