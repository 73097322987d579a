// What trainers share: metrics as JSON, numbers as text.
#include <catch2/catch.hpp>
#include <fstream>
#include <limits>

#include "core/base/number_text.h"
#include "models/trainers/common/metrics.h"
#include "tests/json.h"
#include "tests/models/data/temporary_folder.h"

namespace convoy {
namespace {

TEST_CASE("A step is one JSON object; what is not finite is null") {
  StepMetrics metrics{.step = 3,
                      .loss = 1.5,
                      .lr = 1e-3,
                      .grad_norm = 2,
                      .step_ms = 4,
                      .samples_per_s = 5,
                      .exposed_comm_ms = 0.25};
  CHECK(ToJson(metrics) == R"({"step":3,"loss":1.5,"lr":0.001,"grad_norm":2.0,"step_ms":4.0,)"
                           R"("samples_per_s":5.0,"exposed_comm_ms":0.25})");
  metrics.loss = std::numeric_limits<double>::quiet_NaN();
  metrics.grad_norm = std::numeric_limits<double>::infinity();
  metrics.tokens_per_s = 6;
  metrics.evaluation = Evaluation{.loss = 7, .accuracy = 0.5};
  const auto json = ParseJson(ToJson(metrics));
  CHECK(json["loss"].is_null());
  CHECK(json["grad_norm"].is_null());
  CHECK(json["tokens_per_s"] == 6);
  CHECK(json["val_loss"] == 7);
  CHECK(json["val_accuracy"] == 0.5);
}

TEST_CASE("A line of metrics can be read as soon as it is written") {
  const TemporaryFolder folder;
  MetricsFile file(folder / "metrics");
  file.Write({.step = 1});
  std::string line;
  std::ifstream reader(folder / "metrics");
  std::getline(reader, line);
  CHECK(ParseJson(line)["step"] == 1);
  CHECK_THROWS_WITH(MetricsFile(folder.path()),
                    "[--metrics] '" + folder.path() + "' is a folder; give the name of a file");
}

TEST_CASE("Numbers as people read them") {
  CHECK(WithCommas(0) == "0");
  CHECK(WithCommas(999) == "999");
  CHECK(WithCommas(1115394) == "1,115,394");
  CHECK(WithCommas(-123456) == "-123,456");
  CHECK(BytesInKibOrMib(512) == "0.5 KiB");
  CHECK(BytesInKibOrMib(3 << 20) == "3.0 MiB");
  CHECK(BytesInKibOrMib(int64_t{3} << 30) == "3072.0 MiB");
  CHECK(BytesInBestUnit(512) == "512 B");
  CHECK(BytesInBestUnit(1024) == "1.0 KiB");
  CHECK(BytesInBestUnit(3 << 20) == "3.0 MiB");
  CHECK(BytesInBestUnit(int64_t{3} << 30) == "3.0 GiB");
  CHECK(FixedText(-1234567.891, 2) == "-1,234,567.89");
  CHECK(FixedText(-0.001, 2) == "0.00");
  CHECK(FixedText(1e15, 2) == "1.000e+15");
  CHECK(FixedText(std::numeric_limits<double>::infinity(), 2) == "-");
  CHECK(FigureText(0.1234) == "0.123");
  CHECK(FigureText(123.45) == "123.5");
  CHECK(FigureText(1234.5) == "1,234");
  CHECK(PercentText(0.9312) == "93.1%");
  CHECK(PercentText(std::numeric_limits<double>::quiet_NaN()) == "-");
  CHECK(Duration(4.21) == "4.2 s");
  CHECK(Duration(42) == "42 s");
  CHECK(Duration(125) == "2 min 05 s");
  CHECK(Duration(3720) == "1 h 02 min");
}

}  // namespace
}  // namespace convoy
