// Measurements and predictions come back from JSON as they were.
#include "tools/scaling/report/json.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>

#include "tests/json.h"
#include "tests/tools/scaling/report/samples.h"

namespace convoy::scaling {
namespace {

// A change of one place in what is written.
std::string With(std::string text, const std::string& from, const std::string& to) {
  const size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

TEST_CASE("Every number comes back with the same bits") {
  ScalingResults results = SampleResults({1, 2}, 2);
  results.parameters = std::numeric_limits<int64_t>::max();
  Measurement& m = results.measurements[1];
  m.step = {.median = 0.1 + 0.2, .low = std::nextafter(1.0, 2.0), .high = 5e-324};
  m.split.load = 1.7976931348623157e308;
  m.split.other = -0.0;
  m.buckets[1].bytes = std::numeric_limits<int64_t>::min();
  m.by_worker[1].late = 1.0 / 3;
  const SavedScaling saved = ParseScalingJson(ScalingJson(&results, {}), "a.json");
  REQUIRE(saved.results.has_value());
  CHECK(saved.predictions.empty());
  CHECK(saved.results->parameters == results.parameters);
  REQUIRE(saved.results->measurements.size() == 2);
  const Measurement& back = saved.results->measurements[1];
  CHECK(back.step.median == 0.1 + 0.2);
  CHECK(back.step.low == std::nextafter(1.0, 2.0));
  CHECK(back.step.high == 5e-324);
  CHECK(back.split.load == 1.7976931348623157e308);
  CHECK(std::signbit(back.split.other));
  CHECK(back.buckets[1].bytes == std::numeric_limits<int64_t>::min());
  CHECK(back.by_worker[1].late == 1.0 / 3);
  CHECK(back.timeline.size() == m.timeline.size());
  CHECK(back.timeline.back().track == m.timeline.back().track);
}

TEST_CASE("What was read is written as it was") {
  const std::vector<Prediction> predictions = SamplePredictions();
  for (const auto& [name, results] : ExtremeResults()) {
    INFO(name);
    const std::string text = ScalingJson(&results, predictions);
    const SavedScaling saved = ParseScalingJson(text, "a.json");
    const std::string written = ScalingJson(&*saved.results, saved.predictions);
    const bool printable = text.find("\\u00") == text.npos;  // else it is made so
    if (printable) CHECK(written == text);
    const SavedScaling again = ParseScalingJson(written, "a.json");
    CHECK(ScalingJson(&*again.results, again.predictions) == written);
  }
  const std::string text = ScalingJson(nullptr, predictions);
  const SavedScaling saved = ParseScalingJson(text, "a.json");
  CHECK(!saved.results.has_value());
  REQUIRE(saved.predictions.size() == 2);
  CHECK(saved.predictions[1].published[0].efficiency == 0.68);
  CHECK(saved.predictions[1].assumptions == predictions[1].assumptions);
}

TEST_CASE("What is not finite is null, and comes back as NaN") {
  ScalingResults results = SampleResults({1}, 1);
  results.measurements[0].efficiency = std::numeric_limits<double>::infinity();
  const std::string text = ScalingJson(&results, {});
  CHECK(text.find("\"efficiency\": null") != std::string::npos);
  CHECK(std::isnan(ParseScalingJson(text, "a.json").results->measurements[0].efficiency));
}

TEST_CASE("Names say the units") {
  const ScalingResults results = SampleResults({1, 2}, 1);
  const std::string text = ScalingJson(&results, SamplePredictions());
  for (const char* name : {"\"format\": \"convoy-scaling\"", "\"forward_ms\": 8.4", "\"ready_ms\"",
                           "\"busbw_gb_per_s\"", "\"units_per_s\"", "\"late_ms\"", "\"begin_ms\"",
                           "\"gradient_bytes\": 3255296"}) {
    CHECK_THAT(text, Catch::Contains(name));
  }
}

// Both directions have the names from one table: what they mean is seen only from outside.
TEST_CASE("Each figure stands under its own name") {
  ScalingResults results = SampleResults({2}, 1);
  Measurement& m = results.measurements[0];
  m.units_per_step = 1;
  m.steps = 2;
  m.step = {.median = 3, .low = 4, .high = 5};
  m.units_per_s = 6;
  m.speedup = 7;
  m.efficiency = 8;
  m.split = {.load = 9,
             .forward = 10,
             .backward = 11,
             .exposed = 12,
             .waiting = 13,
             .optimizer = 14,
             .other = 15};
  m.step_without_communication = {.median = 16, .low = 17, .high = 18};
  m.buckets = {{.name = "bucket 0",
                .bytes = 19,
                .first_ready = 20,
                .ready = 21,
                .start = 22,
                .end = 23,
                .hidden = 24,
                .exposed = 25,
                .busbw_gb_per_s = 26,
                .last_worker = 27}};
  m.by_worker = {{.rank = 28, .compute = 29, .late = 30}};
  m.slowest = 31;
  m.timeline = {{.rank = 32, .track = "t", .name = "n", .begin = 33, .end = 34, .bucket = 35}};
  Prediction prediction;
  prediction.sizes = {{.workers = 36,
                       .step_ms = 37,
                       .units_per_s = 38,
                       .efficiency = 39,
                       .communication_ms = 40,
                       .exposed_ms = 41,
                       .waiting_ms = 42,
                       .algorithm = "ring",
                       .costliest_bucket = 43,
                       .costliest_name = "c",
                       .costliest_ms = 44}};
  const auto json = ParseJson(ScalingJson(&results, std::span(&prediction, 1)));
  const auto check = [](const nlohmann::json& object,
                        const std::vector<std::pair<std::string, double>>& figures) {
    for (const auto& [name, value] : figures) {
      INFO(name << " in " << object);
      CHECK(object.value(name, -1.0) == value);
    }
  };
  const auto& one = json["results"]["measurements"][0];
  check(one, {{"workers", 2},
              {"units_per_step", 1},
              {"steps", 2},
              {"units_per_s", 6},
              {"speedup", 7},
              {"efficiency", 8},
              {"slowest", 31}});
  check(one["step_ms"], {{"median", 3}, {"low", 4}, {"high", 5}});
  check(one["step_without_communication_ms"], {{"median", 16}, {"low", 17}, {"high", 18}});
  check(one["split"], {{"load_ms", 9},
                       {"forward_ms", 10},
                       {"backward_ms", 11},
                       {"exposed_ms", 12},
                       {"waiting_ms", 13},
                       {"optimizer_ms", 14},
                       {"other_ms", 15}});
  check(one["buckets"][0], {{"bytes", 19},
                            {"first_ready_ms", 20},
                            {"ready_ms", 21},
                            {"start_ms", 22},
                            {"end_ms", 23},
                            {"hidden_ms", 24},
                            {"exposed_ms", 25},
                            {"busbw_gb_per_s", 26},
                            {"last_worker", 27}});
  check(one["by_worker"][0], {{"rank", 28}, {"compute_ms", 29}, {"late_ms", 30}});
  check(one["timeline"][0], {{"rank", 32}, {"begin_ms", 33}, {"end_ms", 34}, {"bucket", 35}});
  check(json["predictions"][0]["sizes"][0], {{"workers", 36},
                                             {"step_ms", 37},
                                             {"units_per_s", 38},
                                             {"efficiency", 39},
                                             {"communication_ms", 40},
                                             {"exposed_ms", 41},
                                             {"waiting_ms", 42},
                                             {"costliest_bucket", 43},
                                             {"costliest_ms", 44}});
}

TEST_CASE("What a later version adds is passed over") {
  const ScalingResults results = SampleResults({1}, 1);
  const std::string text =
      With(ScalingJson(&results, {}), "\"mode\":", "\"weather\": {\"wind\": [1]}, \"mode\":");
  CHECK(ParseScalingJson(text, "a.json").results->mode == "weak");
}

TEST_CASE("Files that are none of ours, or broken") {
  const ScalingResults results = SampleResults({1, 2}, 1);
  const std::string good = ScalingJson(&results, SamplePredictions());
  const auto check = [](const std::string& text, const std::string& message) {
    CHECK_THROWS_WITH(ParseScalingJson(text, "a.json"), "[scaling] a.json: " + message);
  };
  check(
      "{}",
      "the file: expected an object with \"format\": \"convoy-scaling\", as --json writes it, got "
      "{}");
  check(
      "[1]",
      "the file: expected an object with \"format\": \"convoy-scaling\", as --json writes it, got "
      "[1]");
  check(With(good, "\"version\": 1", "\"version\": 2"),
        "expected version 1, got 2; show it with the program that wrote it");
  check(With(good, "\"mode\": \"weak\"", "\"mode\": 3"), "results.mode: expected a text, got 3");
  check(With(good, "\"mode\"", "\"nodes\""), "results.mode: expected it, and it is missing");
  check(With(good, "\"forward_ms\": 8.4", "\"forward_ms\": \"8.4\""),
        "results.measurements[0].split.forward_ms: expected a number or null, got \"8.4\"");
  check(With(good, "\"workers\": 2", "\"workers\": 2.5"),
        "results.measurements[1].workers: expected a whole number of 32 bits, got 2.5");
  check(With(good, "\"workers\": 2", "\"workers\": 5000000000"),
        "results.measurements[1].workers: expected a whole number of 32 bits, got 5000000000");
  check(With(good, "\"workers\": 2", "\"workers\": -5000000000"),
        "results.measurements[1].workers: expected a whole number of 32 bits, got -5000000000");
  check(With(good, "\"published\": [", "\"published\": 1, \"x\": ["),
        "predictions[0].published: expected an array, got 1");
  CHECK_THROWS_WITH(ParseScalingJson("{\"format\":", "a.json"),
                    Catch::StartsWith("[scaling] a.json: expected JSON that --json has written, "
                                      "got: [json.exception.parse_error"));
}

}  // namespace
}  // namespace convoy::scaling
