// What was measured beside what was predicted.
#include "tools/scaling/report/comparison.h"

#include <catch2/catch.hpp>
#include <limits>

namespace convoy::scaling {
namespace {

// A step without communication takes 80 ms on any number of workers.
Measurement Measured(int workers, double step, double hidden, double exposed, double waiting) {
  Measurement m{.workers = workers};
  m.step.median = step;
  m.step_without_communication.median = 80;
  m.split.exposed = exposed;
  m.split.waiting = waiting;
  m.buckets = {{.hidden = hidden / 4}, {.hidden = hidden * 3 / 4}};
  return m;
}

TEST_CASE("A row for each number of workers that was measured and predicted") {
  const ScalingResults results{
      .measurements = {Measured(1, 80, 0, 0, 0), Measured(2, 100, 45, 15, 4),
                       Measured(3, 110, 50, 30, 0), Measured(1024, 1234.5, 0, 1154.5, 0)}};
  const Prediction prediction{
      .sizes = {{.workers = 1, .step_ms = 80},
                {.workers = 2, .step_ms = 103, .communication_ms = 73, .exposed_ms = 23},
                {.workers = 4, .step_ms = 120, .communication_ms = 90, .exposed_ms = 40},
                {.workers = 1024, .step_ms = 1111, .communication_ms = 900, .exposed_ms = 900}}};
  CHECK(ComparisonTable(results, std::span(&prediction, 1)) == R"(
Measured beside predicted (ms)

| workers |    step | predicted |    off | could hide |  hid | share | held up | with - without |   off |
|---------|---------|-----------|--------|------------|------|-------|---------|----------------|-------|
|       2 |   100.0 |     103.0 |  +3.0% |       50.0 | 45.0 | 90.0% |    19.0 |           20.0 | -5.0% |
|   1,024 | 1,234.5 |   1,111.0 | -10.0% |        0.0 |  0.0 |     - | 1,154.5 |        1,154.5 | +0.0% |
)");
}

TEST_CASE("Nothing in common, no table; a step of no time, no share of it") {
  const Prediction prediction{.sizes = {{.workers = 2, .step_ms = 103}}};
  CHECK(ComparisonTable({.measurements = {Measured(1, 80, 0, 0, 0), Measured(4, 90, 0, 0, 0)}},
                        std::span(&prediction, 1))
            .empty());
  CHECK(ComparisonTable({.measurements = {Measured(2, 90, 0, 0, 0)}}, {}).empty());
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (const double step : {0.0, nan}) {
    INFO(step);
    const std::string table =
        ComparisonTable({.measurements = {Measured(2, step, 0, 0, 0)}}, std::span(&prediction, 1));
    CHECK_THAT(table, Catch::Contains("|     103.0 |   - |"));
    CHECK_THAT(table, !Catch::Contains("nan") && !Catch::Contains("inf"));
  }
}

}  // namespace
}  // namespace convoy::scaling
