// Every op at the edges of its dtypes, with every instruction set, against plain C++.
#include "tests/ops/extremes.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <set>

#include "tests/instruction_set.h"

namespace convoy {
namespace {

TEST_CASE("every op has a case at the edges of its dtypes") {
  std::set<std::string> ops, names;
  for (const ExtremeCase& c : AllExtremeCases()) {
    ops.insert(c.op);
    INFO("names must differ: " << NameOf(c));
    CHECK(names.insert(NameOf(c)).second);
  }
  for (const auto& [op, row] : OpTable()) {
    INFO(op << " has no case; add one to tests/ops/extreme_<family>.cc");
    CHECK(ops.count(op) == 1);
  }
}

TEST_CASE("every listed deviation is of a case that there is, and has a reason") {
  for (const Deviation& d : Deviations()) {
    INFO(d.name);
    const auto& cases = AllExtremeCases();
    CHECK(std::any_of(cases.begin(), cases.end(),
                      [&](const ExtremeCase& c) { return NameOf(c) == d.name; }));
    CHECK_FALSE(d.reason.empty());
    CHECK_FALSE(d.extremes.empty());
  }
}

// Widths around those of vectors (2 to 16 lanes, four at a time) and of the blocks that point-wise
// kernels work on.
TEST_CASE("NaN, infinities, -0, denormals and limits give what plain C++ gives") {
  const std::vector<int64_t> targets = hwy::SupportedAndGeneratedTargets();
  const auto for_each_target = [&](const std::function<void()>& run) {
    for (const int64_t target : targets) {
      const OnlyTarget only(target);
      run();
    }
  };
  for (const ExtremeCase& c : AllExtremeCases()) {
    DYNAMIC_SECTION(NameOf(c)) {
      // Where each call takes one extreme only, there are many of them.
      const std::vector<int64_t> widths =
          c.placement == Placement::kSingle || c.placement == Placement::kPairs
              ? std::vector<int64_t>{1, 3, 8, 17, 33, 67}
              : std::vector<int64_t>{1,  2,  3,  4,  5,  7,  8,  9,  15,
                                     16, 17, 31, 32, 33, 63, 64, 65, 67};
      CHECK(CheckExtremes(c, Device::Cpu(), widths, for_each_target) > 0);
    }
  }
}

}  // namespace
}  // namespace convoy
