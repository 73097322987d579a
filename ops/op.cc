// The names of all ops, registered as they are defined.
#include "ops/op.h"

#include <set>

namespace convoy {
namespace {

std::set<std::string>& Names() {
  static std::set<std::string> names;
  return names;
}

}  // namespace

Op::Op(const char* name) : name_(name) { Names().insert(name); }

std::vector<std::string> RegisteredOps() { return {Names().begin(), Names().end()}; }

}  // namespace convoy
