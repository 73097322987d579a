// The names of all ops, registered as they are defined: the op table of the tests must cover them.
#pragma once

#include <string>
#include <vector>

namespace convoy {

/// Defined once per op, at namespace scope beside its forward: `const Op kGelu("Gelu");`.
class Op {
 public:
  explicit Op(const char* name);
  /// For Record and error messages.
  const char* name() const { return name_; }

 private:
  const char* name_;
};

/// Every op linked into this program, sorted.
std::vector<std::string> RegisteredOps();

}  // namespace convoy
