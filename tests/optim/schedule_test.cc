// Learning-rate schedules.
#include "optim/schedule.h"

#include <catch2/catch.hpp>

#include "core/base/error.h"

namespace convoy {
namespace {

TEST_CASE("Warm-up rises in equal steps and its first step already counts") {
  const Schedule schedule = Schedule::Constant({.max = 1.0, .warmup = 4});
  REQUIRE(schedule(0) == Approx(0.2));
  REQUIRE(schedule(3) == Approx(0.8));
  REQUIRE(schedule(4) == 1.0);
  REQUIRE(schedule(1000) == 1.0);
}

TEST_CASE("Cosine goes from max to min, half-way in the middle") {
  const Schedule schedule =
      Schedule::Cosine({.max = 1e-3, .min = 1e-4, .warmup = 100, .steps = 2000});
  REQUIRE(schedule(99) == Approx(1e-3 * 100 / 101));
  REQUIRE(schedule(100) == Approx(1e-3));
  REQUIRE(schedule(1050) == Approx(5.5e-4));
  REQUIRE(schedule(575) == Approx(1e-4 + 0.5 * (1 + 0.70710678118654752) * 9e-4));
  REQUIRE(schedule(2000) == 1e-4);
  REQUIRE(schedule(5000) == 1e-4);
}

TEST_CASE("Linear goes from max to min in a straight line") {
  const Schedule schedule = Schedule::Linear({.max = 1.0, .warmup = 10, .steps = 110});
  REQUIRE(schedule(10) == 1.0);
  REQUIRE(schedule(35) == Approx(0.75));
  REQUIRE(schedule(109) == Approx(0.01));
  REQUIRE(schedule(110) == 0);
}

TEST_CASE("StepDecay multiplies at fixed intervals after the warm-up") {
  const Schedule schedule =
      Schedule::StepDecay({.max = 1.0, .factor = 0.5, .every = 10, .warmup = 5});
  REQUIRE(schedule(0) == Approx(1.0 / 6));
  REQUIRE(schedule(5) == 1.0);
  REQUIRE(schedule(14) == 1.0);
  REQUIRE(schedule(15) == 0.5);
  REQUIRE(schedule(35) == 0.125);
}

TEST_CASE("Schedules refuse options that make no sense") {
  REQUIRE_THROWS_WITH(
      Schedule::Cosine({.warmup = 100, .steps = 100}),
      "[Schedule] the warm-up must end before the decay: got warmup 100, steps 100");
  REQUIRE_THROWS_WITH(Schedule::Linear({.max = 0.1, .min = 0.2, .steps = 10}),
                      "[Schedule] min must lie in [0, max], got 0.2 with max 0.1");
  REQUIRE_THROWS_WITH(Schedule::Constant({.max = -1}), "[Schedule] max must be 0 or more, got -1");
  REQUIRE_THROWS_WITH(Schedule::StepDecay({.every = 0}), "[Schedule] every must be over 0, got 0");
  REQUIRE_THROWS_WITH(Schedule::Constant({})(-1), "[Schedule] steps count from 0, got -1");
}

}  // namespace
}  // namespace convoy
