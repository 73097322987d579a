// The loader thread.
#include "models/data/prefetch.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <memory>
#include <stdexcept>
#include <vector>

namespace convoy {
namespace {

TEST_CASE("Values come in order, then nothing, again and again") {
  Prefetcher<int> prefetcher([i = 0]() mutable -> std::optional<int> {
    return i < 100 ? std::optional(i++) : std::nullopt;
  });
  for (int i = 0; i < 100; ++i) REQUIRE(prefetcher.Pop() == i);
  REQUIRE_FALSE(prefetcher.Pop().has_value());
  REQUIRE_FALSE(prefetcher.Pop().has_value());
}

TEST_CASE("The thread runs ahead, but no further than its depth") {
  std::atomic<int> made = 0;
  Prefetcher<int> prefetcher([&made]() -> std::optional<int> { return ++made; }, 2);
  for (int i = 1; i <= 50; ++i) {
    REQUIRE(prefetcher.Pop() == i);
    REQUIRE(made <= i + 3);  // two queued, one being made
  }
}

TEST_CASE("An exception arrives after the values made before it") {
  Prefetcher<int> prefetcher([i = 0]() mutable -> std::optional<int> {
    if (i == 3) throw std::runtime_error("no more");
    return i++;
  });
  for (int i = 0; i < 3; ++i) REQUIRE(prefetcher.Pop() == i);
  REQUIRE_THROWS_WITH(prefetcher.Pop(), "no more");
  REQUIRE_FALSE(prefetcher.Pop().has_value());
}

TEST_CASE("A prefetcher that is not read to its end stops, and values may be move-only") {
  for (int taken = 0; taken < 5; ++taken) {
    Prefetcher<std::unique_ptr<int>> prefetcher(
        []() -> std::optional<std::unique_ptr<int>> { return std::make_unique<int>(7); });
    for (int i = 0; i < taken; ++i) REQUIRE(**prefetcher.Pop() == 7);
  }
}

}  // namespace
}  // namespace convoy
