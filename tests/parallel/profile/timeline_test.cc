// What a timeline says of a step whose times are known.
#include "parallel/profile/timeline.h"

#include <catch2/catch.hpp>
#include <chrono>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "tests/json.h"
#include "tests/models/data/temporary_folder.h"
#include "tests/parallel/workers.h"

namespace convoy {
namespace {

using Time = Timeline::Time;
using std::chrono::duration;
using std::chrono::microseconds;

constexpr int kCompute = 1, kCommunication = 2;

/// A step of 9 ms from `start` on: bucket 0 waits for a sum that starts a millisecond after its
/// gradients are ready, bucket 1 for the one before, and bucket 2 was never summed.
StepTimes KnownStep(Time start) {
  const auto at = [&](int us) { return start + microseconds(us); };
  StepTimes step;
  step.phases = {{StepPhase::kLoad, at(0), at(1000)},
                 {StepPhase::kForward, at(1000), at(3000)},
                 {StepPhase::kBackward, at(3000), at(7000)},
                 {StepPhase::kOptimizer, at(7000), at(9000)}};
  step.backward_begin = at(3000);
  step.backward_end = at(7000);
  step.buckets = {{.name = "bucket 0 (fc2.bias)",
                   .bytes = 64,
                   .ready = at(4000),
                   .called = at(4000),
                   .returned = at(4250),
                   .started = at(5000),
                   .ended = at(6000),
                   .wait_begin = at(7000),
                   .wait_end = at(7125)},
                  {.name = "bucket 1 (fc1.bias)",
                   .bytes = 128,
                   .ready = at(4500),
                   .called = at(4500),
                   .returned = at(4625),
                   .started = at(5500),
                   .ended = at(8000),
                   .wait_begin = at(7125),
                   .wait_end = at(8000)},
                  {.name = "bucket 2 (fc1.weight)", .bytes = 256, .ready = at(6500)}};
  return step;
}

struct Span {
  int row;
  double begin_us, length_us;  // from the begin of its worker's step
};

TEST_CASE("Every part of a step stands at its time, in microseconds, in its worker's rows") {
  const TemporaryFolder folder;
  const std::string path = folder / "timeline.json";
  constexpr int kWorkers = 3;
  const Time before = Time::clock::now();
  // Workers begin 20 ms after each other.
  const auto begin_of = [&](int rank) { return before + microseconds(20000 * rank); };
  Time zero_by;
  RunWorkers(kWorkers, [&](Worker& worker) {
    Timeline timeline(worker, path);
    worker.group().Barrier();
    if (worker.is_main()) zero_by = Time::clock::now();
    const Time begin = begin_of(worker.rank());
    timeline.Add(5, KnownStep(begin));
    timeline.Add("evaluation", begin + microseconds(9000), begin + microseconds(12000));
  });

  const auto file = ReadJson(path);
  const std::map<std::string, Span> expected{
      {"step 5", {kCompute, 0, 9000}},
      {"load", {kCompute, 0, 1000}},
      {"forward", {kCompute, 1000, 2000}},
      {"backward", {kCompute, 3000, 4000}},
      {"optimizer", {kCompute, 7000, 2000}},
      {"start bucket 0", {kCompute, 4000, 250}},
      {"start bucket 1", {kCompute, 4500, 125}},
      {"wait for bucket 0", {kCompute, 7000, 125}},
      {"wait for bucket 1", {kCompute, 7125, 875}},
      {"bucket 0 waits", {kCommunication, 4000, 1000}},
      {"allreduce bucket 0", {kCommunication, 5000, 1000}},
      // Its sum began while the one before went on: a row shows one after the other.
      {"allreduce bucket 1", {kCommunication, 6000, 2000}},
      {"evaluation", {kCompute, 9000, 3000}}};
  for (int rank = 0; rank < kWorkers; ++rank) {
    CAPTURE(rank);
    std::map<std::string, nlohmann::json> spans, ticks;
    double step_begin = 0;
    for (const auto& event : file) {
      if (event["pid"] != rank) continue;
      const std::string name = event["name"];
      if (event["ph"] == "X") spans[name] = event;
      if (event["ph"] == "i") ticks[name] = event;
      if (name == "step 5") step_begin = event["ts"];
    }
    std::set<std::string> names, expected_names;
    for (const auto& [name, event] : spans) names.insert(name);
    for (const auto& [name, span] : expected) expected_names.insert(name);
    CHECK(names == expected_names);
    for (const auto& [name, span] : expected) {
      INFO(name << ": " << spans[name]);
      if (!spans.contains(name)) continue;
      CHECK(spans[name]["tid"] == span.row);
      CHECK(spans[name]["ts"].get<double>() - step_begin == Approx(span.begin_us).margin(0.01));
      CHECK(spans[name]["dur"].get<double>() == Approx(span.length_us).margin(0.01));
    }
    CHECK(spans["allreduce bucket 1"]["args"]["bytes"] == 128);
    CHECK(spans["allreduce bucket 1"]["args"]["name"] == "bucket 1 (fc1.bias)");
    CHECK(spans["allreduce bucket 1"]["args"]["step"] == 5);
    REQUIRE(ticks.size() == 2);
    CHECK(ticks["bucket 0 ready"]["ts"].get<double>() - step_begin == Approx(4000).margin(0.01));
    CHECK(ticks["bucket 1 ready"]["ts"].get<double>() - step_begin == Approx(4500).margin(0.01));
    CHECK(ticks["bucket 0 ready"]["tid"] == kCommunication);
    // The axis begins when the timeline was made, for all of them at once.
    const duration<double, std::micro> since_before = begin_of(rank) - before;
    const duration<double, std::micro> set_up = zero_by - before;
    CHECK(step_begin <= since_before.count() + 0.01);
    CHECK(step_begin >= since_before.count() - set_up.count() - 0.01);
  }
}

}  // namespace
}  // namespace convoy
