// Medians and quartiles are numpy's.
#include "tools/scaling/measure/spread.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "tools/scaling/measure/machine.h"

namespace convoy::scaling {
namespace {

TEST_CASE("Quartiles as numpy.quantile gives them") {
  const std::vector<double> samples{3, 1, 2, 10};
  const Spread spread = SpreadOf(samples);
  CHECK(spread.low == 1.75);
  CHECK(spread.median == 2.5);
  CHECK(spread.high == 4.75);
  CHECK(spread.relative() == 1.2);
  CHECK(Median(samples) == 2.5);
  // numpy.quantile([0.1, 0.2, 0.3, 0.4, 0.7], [0, 0.1, 0.25, 0.5, 0.9, 1])
  const std::vector<double> five{0.7, 0.1, 0.4, 0.2, 0.3};
  CHECK(Quantile(five, 0) == 0.1);
  CHECK(Quantile(five, 0.1) == Approx(0.14));
  CHECK(Quantile(five, 0.25) == 0.2);
  CHECK(Quantile(five, 0.5) == 0.3);
  CHECK(Quantile(five, 0.9) == Approx(0.58));
  CHECK(Quantile(five, 1) == 0.7);
}

TEST_CASE("Steps that a quota stops now and then are worth a warning, though most are alike") {
  std::vector<double> samples(40, 10.0);
  samples[7] = samples[23] = 110.0;  // 10 ms of work in 15 ms of wall time
  const Spread spread = SpreadOf(samples);
  CHECK(spread.mean == Approx(15));
  Measurement measurement{.workers = 1, .steps = 40, .step = spread};
  const std::vector<std::string> warnings = WarningsFor(measurement);
  REQUIRE(warnings.size() == 1);
  CHECK(warnings[0].find("the mean step takes 15.00 ms, the median one 10.00") !=
        std::string::npos);
  CHECK(warnings[0].find("the throughput is 33% less than said") != std::string::npos);
  measurement.step.mean = 10.5;
  CHECK(WarningsFor(measurement).empty());
}

TEST_CASE("One sample is all quartiles, and equal samples have no spread") {
  const Spread one = SpreadOf(std::vector{4.2});
  CHECK(one.low == 4.2);
  CHECK(one.median == 4.2);
  CHECK(one.high == 4.2);
  const Spread equal = SpreadOf(std::vector{0.1, 0.1, 0.1});
  CHECK(equal.low == 0.1);
  CHECK(equal.median == 0.1);
  CHECK(equal.high == 0.1);
  CHECK(equal.relative() == 0);
}

TEST_CASE("A sample that is no number is not sorted away") {
  const std::vector<double> samples{1, std::numeric_limits<double>::quiet_NaN(), 2};
  CHECK(std::isnan(Median(samples)));
  const Spread spread = SpreadOf(samples);
  CHECK(std::isnan(spread.low));
  CHECK(std::isnan(spread.median));
  CHECK(std::isnan(spread.high));
}

TEST_CASE("No samples, no quartiles") {
  CHECK_THROWS_WITH(SpreadOf({}), "[Quantile] expected at least one sample, got none");
  CHECK_THROWS_WITH(Quantile(std::vector{1.0}, 1.5),
                    "[Quantile] expected a share from 0 to 1, got 1.5");
}

}  // namespace
}  // namespace convoy::scaling
