// What trainers share: metrics as JSON, numbers as text.
#include <catch2/catch.hpp>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>

#include "core/base/number_text.h"
#include "models/trainers/common/metrics.h"
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
  const auto json = nlohmann::json::parse(ToJson(metrics));
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
  CHECK(nlohmann::json::parse(line)["step"] == 1);
  CHECK_THROWS_WITH(MetricsFile(folder.path()),
                    "[--metrics] '" + folder.path() + "' is a folder; give the name of a file");
}

TEST_CASE("Numbers as people read them") {
  CHECK(WithCommas(0) == "0");
  CHECK(WithCommas(999) == "999");
  CHECK(WithCommas(1115394) == "1,115,394");
  CHECK(WithCommas(-123456) == "-123,456");
  CHECK(Bytes(512) == "0.5 KiB");
  CHECK(Bytes(3 << 20) == "3.0 MiB");
  CHECK(Duration(4.21) == "4.2 s");
  CHECK(Duration(42) == "42 s");
  CHECK(Duration(125) == "2 min 05 s");
  CHECK(Duration(3720) == "1 h 02 min");
}

}  // namespace
}  // namespace convoy
