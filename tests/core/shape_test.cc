// Shapes: extents, broadcasting, and what is refused.
#include "core/shape.h"

#include <catch2/catch.hpp>

#include "core/base/error.h"

namespace convoy {
namespace {

TEST_CASE("a shape knows its extents") {
  const Shape shape = {2, 3, 4};
  CHECK(shape.ndim() == 3);
  CHECK(shape.numel() == 24);
  CHECK(shape[0] == 2);
  CHECK(shape[-1] == 4);
  CHECK(shape.Product(1, 3) == 12);
  CHECK(shape.Product(1, 1) == 1);
  CHECK(shape.With(-1, 9) == Shape({2, 3, 9}));
  CHECK(shape.ToVector() == std::vector<int64_t>{2, 3, 4});
  CHECK(shape.ToString() == "(2, 3, 4)");
  CHECK(shape != Shape({2, 3}));
  CHECK(Shape({2}) != Shape({2, 1}));
}

TEST_CASE("a scalar has no dimensions and one element") {
  CHECK(Shape().ndim() == 0);
  CHECK(Shape().numel() == 1);
  CHECK(Shape().ToString() == "()");
  CHECK_THROWS_WITH(Shape()[0], "[Shape] dimension 0 does not exist in ()");
}

TEST_CASE("an extent of zero leaves no elements") { CHECK(Shape({3, 0, 5}).numel() == 0); }

TEST_CASE("impossible shapes are refused") {
  CHECK_THROWS_WITH(Shape({2, -1}), "[Shape] negative extent in (2, -1)");
  CHECK_THROWS_WITH(Shape({1, 1, 1, 1, 1, 1, 1, 1, 1}), "[Shape] at most 8 dimensions, got 9");
  CHECK_THROWS_WITH(Shape({int64_t{1} << 40, int64_t{1} << 40}),
                    "[Shape] too many elements in (1099511627776, 1099511627776)");
  CHECK_THROWS_WITH(Shape({2, 3})[2], "[Shape] dimension 2 does not exist in (2, 3)");
  CHECK_THROWS_WITH(Shape({2, 3}).Axis(-3), "[Shape] dimension -3 does not exist in (2, 3)");
}

TEST_CASE("shapes broadcast with trailing dimensions aligned") {
  CHECK(BroadcastShapes("Add", {3, 4}, {4}) == Shape({3, 4}));
  CHECK(BroadcastShapes("Add", {3, 1}, {1, 4}) == Shape({3, 4}));
  CHECK(BroadcastShapes("Add", {}, {2, 2}) == Shape({2, 2}));
  CHECK(BroadcastShapes("Add", {0, 3}, {1, 3}) == Shape({0, 3}));
  CHECK(BroadcastShapes("Add", {1}, {0}) == Shape({0}));
  CHECK_THROWS_WITH(BroadcastShapes("Add", {3, 4}, {3}),
                    "[Add] shapes do not broadcast: lhs (3, 4), rhs (3)");
  CHECK_THROWS_WITH(BroadcastShapes("Mul", {2}, {0}),
                    "[Mul] shapes do not broadcast: lhs (2), rhs (0)");
}

}  // namespace
}  // namespace convoy
