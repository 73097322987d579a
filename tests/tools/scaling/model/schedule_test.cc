// The order of events in a step: worked out by hand, and what must hold for all.
#include "tools/scaling/model/schedule.h"

#include <catch2/catch.hpp>
#include <random>

#include "tools/scaling/model/stragglers.h"

namespace convoy::scaling {
namespace {

// Forward 10 ms, backward 20.
StepLoad Three(bool measures_norm) {
  return {.forward = 10,
          .backward = 20,
          .buckets = {{.bytes = 1, .ready = 5, .sum = 8, .update = 1},
                      {.bytes = 1, .ready = 10, .sum = 4, .update = 2},
                      {.bytes = 1, .ready = 20, .sum = 6, .update = 3}},
          .measures_norm = measures_norm};
}

TEST_CASE("Sums run one after the other, and the optimizer waits for the last") {
  const StepSchedule schedule = Schedule(Three(true));
  REQUIRE(schedule.buckets.size() == 3);
  const double times[3][4] = {{5, 5, 13, 0}, {10, 13, 17, 0}, {20, 20, 26, 6}};
  for (size_t b = 0; b < 3; ++b) {
    CAPTURE(b);
    CHECK(schedule.buckets[b].ready == times[b][0]);
    CHECK(schedule.buckets[b].start == times[b][1]);
    CHECK(schedule.buckets[b].end == times[b][2]);
    CHECK(schedule.buckets[b].exposed == times[b][3]);
  }
  CHECK(schedule.step == 10 + 26 + 6);
  CHECK(schedule.exposed == 6);
  CHECK(schedule.communication == 18);
  CHECK(schedule.hidden_share() == Approx(12.0 / 18));
  CHECK(schedule.waiting == 0);
}

TEST_CASE("Without a norm a bucket's update hides the sums after it") {
  const StepSchedule schedule = Schedule(Three(false));
  CHECK(schedule.step == 10 + 26 + 3);  // updates of 3 ms run while the last sum does
  CHECK(schedule.exposed == 3);
  CHECK(schedule.buckets[2].exposed == 3);
}

TEST_CASE("A sum that waits for the link is exposed where the worker waits, wherever it started") {
  StepLoad load = Three(true);
  load.buckets[0].sum = 30;  // until 35, then until 39 and 45
  const StepSchedule schedule = Schedule(load);
  CHECK(schedule.buckets[0].exposed == 15);
  CHECK(schedule.buckets[1].exposed == 4);
  CHECK(schedule.buckets[2].exposed == 6);
  CHECK(schedule.exposed == 25);
  CHECK(schedule.step == 10 + 45 + 6);
}

TEST_CASE("The slowest worker keeps all others waiting") {
  const StepSchedule schedule = Schedule(Three(true), 1.1);
  CHECK(schedule.buckets[0].ready == Approx(15 * 1.1 - 10));
  CHECK(schedule.waiting == Approx(3));
  CHECK(schedule.step == Approx(30 * 1.1 + 6 + 6));
}

TEST_CASE("Sums on the cores that compute hide nothing") {
  StepLoad load = Three(true);
  load.sums_on_cores = true;
  const StepSchedule schedule = Schedule(load);
  CHECK(schedule.step == 10 + 20 + 18 + 6);
  CHECK(schedule.exposed == 18);
  CHECK(schedule.hidden_share() == 0);
  CHECK(schedule.buckets[1].ready == 10 + 8);
}

// A load of up to 12 buckets.
StepLoad RandomLoad(std::mt19937& bits) {
  const auto number = [&](double high) { return std::uniform_real_distribution(0.0, high)(bits); };
  StepLoad load{.forward = number(10), .backward = 1 + number(20)};
  const size_t count = 1 + bits() % 12;
  for (size_t b = 0; b < count; ++b) {
    load.buckets.push_back({.bytes = 1,
                            .ready = number(load.backward),
                            .sum = number(60 / static_cast<double>(count)),
                            .update = number(1)});
  }
  load.measures_norm = bits() % 2 == 0;
  return load;
}

TEST_CASE("What holds for all steps") {
  std::mt19937 bits(7);
  for (int i = 0; i < 500; ++i) {
    StepLoad load = RandomLoad(bits);
    const double slowest = 1 + 0.1 * (i % 3);
    const StepSchedule schedule = Schedule(load, slowest);
    double updates = 0, exposed = 0, end = -1e9;
    for (size_t b = 0; b < load.buckets.size(); ++b) {
      const StepSchedule::Bucket& bucket = schedule.buckets[b];
      updates += load.buckets[b].update;
      exposed += bucket.exposed;
      CHECK(bucket.start >= bucket.ready);
      CHECK(bucket.start >= end);
      CHECK(bucket.end - bucket.start == Approx(load.buckets[b].sum));
      CHECK(bucket.exposed <= Approx(load.buckets[b].sum));
      end = bucket.end;
    }
    // A step is computing, waiting for the slowest and exposed sums, and exposed sums are sums.
    CHECK(schedule.step ==
          Approx(load.forward + load.backward + updates + schedule.waiting + schedule.exposed));
    CHECK(exposed == Approx(schedule.exposed).margin(1e-9));
    CHECK(schedule.exposed <= Approx(schedule.communication));
    // Faster sums never make it longer, and sums of no time leave what one worker takes.
    StepLoad faster = load;
    for (StepLoad::Bucket& bucket : faster.buckets) bucket.sum *= 0.7;
    CHECK(Schedule(faster, slowest).step <= Approx(schedule.step));
    for (StepLoad::Bucket& bucket : faster.buckets) bucket.sum = 0;
    CHECK(Schedule(faster).step == Approx(load.forward + load.backward + updates));
    CHECK(Schedule(faster).exposed == 0);
  }
}

TEST_CASE("A profile's buckets are ready with their last gradient and share the optimizer's time") {
  ModelProfile profile{.forward_ms = 10, .backward_ms = 20, .optimizer_ms = 4};
  profile.parameters = {
      {"a", 300, DType::kF32, 20}, {"b", 50, DType::kF32, 8}, {"c", 50, DType::kF32, 3}};
  const StepLoad load = LoadOf(profile, {{2, 1}, {0}}, 0.5);
  CHECK(load.forward == 5);
  CHECK(load.backward == 10);
  REQUIRE(load.buckets.size() == 2);
  CHECK(load.buckets[0].bytes == 100);
  CHECK(load.buckets[0].ready == 4);
  CHECK(load.buckets[0].update == 1);
  CHECK(load.buckets[1].ready == 10);
  CHECK(load.buckets[1].update == 3);
  CHECK_THROWS_WITH(LoadOf(profile, {{3}}), "[predict] the plan names parameter 3 of 3");
}

TEST_CASE("The slowest of many is later the more there are, and the same for the same seed") {
  const StragglerOptions options{.sigma = 0.02};
  const auto mean = [&](int workers) {
    double sum = 0;
    for (const double factor : SlowestFactors(workers, options)) sum += factor;
    return sum / options.steps;
  };
  // Expected maxima of n normal variables: 1.4236 at 8, 3.04 at 512.
  CHECK(mean(8) == Approx(1 + 0.02 * 1.4236).margin(0.002));
  CHECK(mean(512) == Approx(1 + 0.02 * 3.04).margin(0.002));
  CHECK(SlowestFactors(64, options) == SlowestFactors(64, options));
  CHECK(SlowestFactors(64, {.sigma = 0.02, .seed = 2}) != SlowestFactors(64, options));
  CHECK(SlowestFactors(64, {}) == std::vector<double>{1});
  CHECK(SlowestFactors(1, options) == std::vector<double>{1});
}

}  // namespace
}  // namespace convoy::scaling
