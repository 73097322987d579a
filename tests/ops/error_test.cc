// Wrong inputs: each is refused with the message that the table expects.
#include "tests/ops/drivers.h"

namespace convoy {
namespace {

TEST_CASE("wrong inputs give the message that the table expects") {
  for (const auto& [op, row] : OpTable()) {
    for (size_t i = 0; i < row.errors.size(); ++i) {
      DYNAMIC_SECTION(op << ", wrong input " << i) {
        const ErrorCase& wrong = row.errors[i];
        CHECK_THROWS_AS(wrong.call(), Error);
        CHECK_THROWS_WITH(wrong.call(), wrong.message);
      }
    }
  }
}

}  // namespace
}  // namespace convoy
