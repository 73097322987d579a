// Every op at the edges of its dtypes on a GPU, real or simulated, against plain C++.
#include <catch2/catch.hpp>

#include "tests/gpu.h"
#include "tests/ops/extremes.h"
#include "tests/ops/large_logits.h"

namespace convoy {
namespace {

// Widths of less than a 16-byte access, of one and its neighbours, of a warp, and of a row that a
// block shares.
TEST_CASE("NaN, infinities, -0, denormals and limits on a GPU give what plain C++ gives") {
  CONVOY_NEED_GPUS(1);
  for (const ExtremeCase& c : AllExtremeCases()) {
    DYNAMIC_SECTION(NameOf(c)) {
      std::vector<int64_t> widths = {5, 16, 67};
      if (c.placement == Placement::kRows) widths.push_back(1100);
      if (c.placement == Placement::kSingle) widths = {3, 40};
      if (c.placement == Placement::kPairs) widths = {27};
      CHECK(CheckExtremes(c, Device::Cuda(), widths,
                          [](const std::function<void()>& run) { run(); }) > 0);
    }
  }
}

TEST_CASE("a large greatest logit or score costs no precision on a GPU") {
  CONVOY_NEED_GPUS(1);
  CheckLargeLogits(Device::Cuda());
  CheckLargeScores(Device::Cuda());
}

}  // namespace
}  // namespace convoy
