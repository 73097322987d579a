// Where the time of steps goes, from records whose answer is known.
#include "tools/scaling/measure/analysis.h"

#include <catch2/catch.hpp>

namespace convoy::scaling {
namespace {

const std::vector<BucketSize> kBuckets{{"bucket 0 (b)", 4'000'000}, {"bucket 1 (a)", 8'000'000}};

// Forward 10 ms, backward 20 (gradients of bucket 0 after 5, of bucket 1 after 20), optimizer 2.
// Sums take 10 and 8 ms. `late` ms later than others from forward on.
StepRecord Step(double begin, double late, double start0, double end1) {
  const double backward = begin + 10 + late, optimizer = backward + 20;
  StepRecord record{.begin = begin, .backward = backward, .optimizer = optimizer, .end = end1 + 2};
  const double end0 = start0 + 10;
  record.buckets = {{.ready = backward + 5,
                     .called = backward + 5,
                     .returned = backward + 5,
                     .started = start0,
                     .ended = end0,
                     .wait_begin = optimizer,
                     .wait_end = optimizer},
                    {.ready = backward + 20,
                     .called = backward + 20,
                     .returned = backward + 20,
                     .started = end1 - 8,
                     .ended = end1,
                     .wait_begin = optimizer,
                     .wait_end = end1}};
  return record;
}

TEST_CASE("What hides and what is exposed, on two even workers") {
  // Backward from 10 to 30: bucket 0 from 15 to 25, hidden; bucket 1 from 30 to 38, exposed.
  std::vector<StepRecord> steps;
  for (int s = 0; s < 8; ++s) steps.push_back(Step(40.0 * s, 0, 40.0 * s + 15, 40.0 * s + 38));
  Measurement m{.workers = 2};
  Analyse({steps, steps}, kBuckets, 4, m);
  CHECK(m.steps == 8);
  CHECK(m.step.median == Approx(40));
  CHECK(m.split.forward == Approx(10));
  CHECK(m.split.backward == Approx(20));
  CHECK(m.split.exposed == Approx(8));
  CHECK(m.split.waiting == Approx(0).margin(1e-9));
  CHECK(m.split.optimizer == Approx(2));
  CHECK(m.split.total() == Approx(40));
  REQUIRE(m.buckets.size() == 2);
  CHECK(m.buckets[0].ready == Approx(5));
  CHECK(m.buckets[0].start == Approx(5));
  CHECK(m.buckets[0].end == Approx(15));
  CHECK(m.buckets[0].hidden == Approx(10));
  CHECK(m.buckets[0].exposed == Approx(0).margin(1e-9));
  CHECK(m.buckets[0].busbw_gb_per_s == Approx(0.4));  // 4 MB * 2 * 1/2 in 10 ms
  CHECK(m.buckets[1].hidden == Approx(0).margin(1e-9));
  CHECK(m.buckets[1].exposed == Approx(8));
  CHECK(m.buckets[1].busbw_gb_per_s == Approx(1.0));
}

TEST_CASE("The slow worker is named, and the wait it causes is not called communication") {
  std::vector<StepRecord> fast, slow;
  for (int s = 0; s < 6; ++s) {
    const double t = 46.0 * s;  // worker 1 is 6 ms late: bucket 0 starts at 21, bucket 1 at 36
    fast.push_back(Step(t, 0, t + 21, t + 44));
    slow.push_back(Step(t, 6, t + 21, t + 44));
  }
  Measurement m{.workers = 2};
  Analyse({fast, slow}, kBuckets, 6, m);
  CHECK(m.slowest == 1);
  CHECK(m.by_worker[0].compute == Approx(32));
  CHECK(m.by_worker[1].compute == Approx(38));
  CHECK(m.by_worker[0].late == Approx(0).margin(1e-9));
  CHECK(m.by_worker[1].late == Approx(6));
  CHECK(m.buckets[0].last_worker == 1);
  // Worker 0 waits from 30 to 44: 6 for worker 1, 8 for the sum; worker 1 waits 8 for the sum.
  CHECK(m.split.waiting == Approx(3));
  CHECK(m.split.exposed == Approx(8));
  CHECK(m.split.total() == Approx(46));
  CHECK(m.buckets[1].exposed == Approx(8));
}

TEST_CASE("A worker that came to a sum early did not start it") {
  // Gloo's workers come to a sum when they are ready themselves: worker 0 says 15, worker 1 21.
  std::vector<StepRecord> fast, slow;
  for (int s = 0; s < 4; ++s) {
    const double t = 46.0 * s;
    fast.push_back(Step(t, 0, t + 15, t + 44));
    fast.back().buckets[0].ended = t + 31;
    slow.push_back(Step(t, 6, t + 21, t + 44));
  }
  Measurement m{.workers = 2};
  Analyse({fast, slow}, kBuckets, 4, m);
  CHECK(m.buckets[0].start == Approx(11));  // 21, backward of the first began at 10
  CHECK(m.buckets[0].end == Approx(21));
}

TEST_CASE("What a worker does for a sum in its own thread is communication, not backward") {
  std::vector<StepRecord> steps;
  for (int s = 0; s < 4; ++s) {
    StepRecord record = Step(40.0 * s, 0, 40.0 * s + 15, 40.0 * s + 38);
    record.buckets[0].returned += 3;
    steps.push_back(record);
  }
  Measurement m{.workers = 2};
  Analyse({steps, steps}, kBuckets, 4, m);
  CHECK(m.split.backward == Approx(17));
  CHECK(m.split.exposed == Approx(11));
  CHECK(m.buckets[0].exposed == Approx(3));
  CHECK(m.buckets[0].hidden == Approx(7));
}

TEST_CASE("One worker has no communication") {
  std::vector<StepRecord> steps;
  for (int s = 0; s < 3; ++s) {
    StepRecord record{.begin = 32.0 * s,
                      .backward = 32.0 * s + 10,
                      .optimizer = 32.0 * s + 30,
                      .end = 32.0 * s + 32};
    for (const double ready : {15.0, 30.0}) {
      const double at = 32.0 * s + ready;
      record.buckets.push_back({at, at, at, at, at, at, at});
    }
    steps.push_back(record);
  }
  Measurement m{.workers = 1};
  Analyse({steps}, kBuckets, 3, m);
  CHECK(m.split.exposed == 0);
  CHECK(m.split.waiting == 0);
  CHECK(m.split.total() == Approx(32));
  CHECK(m.buckets[1].busbw_gb_per_s == 0);
  for (const StepSpan& span : m.timeline) CHECK(span.track == "compute");
}

TEST_CASE("Three workers, of which the first is late") {
  std::vector<StepRecord> late, even;
  for (int s = 0; s < 4; ++s) {
    const double t = 46.0 * s;  // bucket 0 is summed from 21 to 31, bucket 1 from 36 to 44
    late.push_back(Step(t, 6, t + 21, t + 44));
    even.push_back(Step(t, 0, t + 21, t + 44));
  }
  Measurement m{.workers = 3};
  Analyse({late, even, even}, kBuckets, 4, m);
  CHECK(m.slowest == 0);
  CHECK(m.by_worker[0].late == Approx(6));
  CHECK(m.by_worker[2].late == Approx(0).margin(1e-9));
  REQUIRE(m.buckets.size() == 2);
  CHECK(m.buckets[0].last_worker == 0);
  // From 10, where the others begin backward.
  CHECK(m.buckets[0].first_ready == Approx(5));
  CHECK(m.buckets[0].ready == Approx(11));
  CHECK(m.buckets[0].start == Approx(11));
  CHECK(m.buckets[0].end == Approx(21));
  CHECK(m.buckets[0].busbw_gb_per_s == Approx(8.0 / 15));  // 4 MB * 2 * 2/3 in 10 ms
  CHECK(m.buckets[1].busbw_gb_per_s == Approx(4.0 / 3));   // 8 MB * 2 * 2/3 in 8 ms
  // The two others wait from 30 to 44: 6 ms for the first, 8 for the sum.
  CHECK(m.split.waiting == Approx(4));
  CHECK(m.split.exposed == Approx(8));
  CHECK(m.buckets[1].exposed == Approx(8));
  CHECK(m.split.total() == Approx(46));
}

TEST_CASE("The timeline shows the median step, and the split is of the steps in the middle") {
  std::vector<StepRecord> steps;
  double begin = 0;
  for (const double takes : {30.0, 50.0, 40.0, 90.0, 20.0}) {
    const double end = begin + takes;  // backward takes 8 ms, the optimizer 2
    steps.push_back({.begin = begin, .backward = end - 10, .optimizer = end - 2, .end = end});
    begin = end;
  }
  Measurement m{.workers = 1};
  Analyse({steps}, {}, 5, m);
  CHECK(m.step.median == Approx(40));
  CHECK(m.step.low == Approx(30));
  CHECK(m.step.high == Approx(50));
  CHECK(m.split.forward == Approx((20 + 40 + 30) / 3.0));
  CHECK(m.split.backward == Approx(8));
  CHECK(m.split.total() == Approx(40));
  REQUIRE(m.timeline.size() == 3);
  CHECK(m.timeline[0].name == "forward");
  CHECK(m.timeline[0].begin == Approx(0).margin(1e-9));
  CHECK(m.timeline[0].end == Approx(30));
  CHECK(m.timeline[2].name == "optimizer");
  CHECK(m.timeline[2].end == Approx(40));
}

TEST_CASE("The time between two steps counts for the first; the time between two rounds for none") {
  // Two rounds of two steps of 10 ms, with 3 ms between steps and 100 ms between rounds.
  std::vector<StepRecord> steps;
  for (const double begin : {0.0, 13.0, 123.0, 136.0}) {
    steps.push_back(
        {.begin = begin, .backward = begin + 4, .optimizer = begin + 9, .end = begin + 10});
  }
  CHECK(StepDurations({steps}, 2) == std::vector<double>{13, 10, 13, 10});
}

}  // namespace
}  // namespace convoy::scaling
