// Tables that other programs read.
#include "tools/scaling/report/csv.h"

#include <catch2/catch.hpp>
#include <limits>
#include <locale>
#include <string>

#include "tests/tools/scaling/report/samples.h"
#include "tools/scaling/report/table.h"

namespace convoy::scaling {
namespace {

// A measurement with few figures.
ScalingResults Small() {
  ScalingResults results{.model = "a \"small\", plain\nmodel",
                         .mode = "strong",
                         .unit = "samples",
                         .device = "2 cores",
                         .transport = "gloo",
                         .date = "2026-11-28"};
  Measurement m{.workers = 2, .units_per_step = 256, .steps = 50};
  m.step = {.median = 12.5, .low = 12.25, .high = 13};
  m.units_per_s = 20480.125;
  m.speedup = 1.8;
  m.efficiency = 0.1 + 0.2;
  m.step_without_communication.median = std::numeric_limits<double>::quiet_NaN();
  m.split = {.load = 0.5,
             .forward = 4,
             .backward = 6,
             .exposed = 1,
             .waiting = 0.25,
             .optimizer = 0.75,
             .other = 1e-7};
  m.buckets = {{.name = "bucket 0 (a, b)",
                .bytes = 1024,
                .first_ready = 1,
                .ready = 2,
                .start = 2.5,
                .end = 4,
                .hidden = 1,
                .exposed = 0.5,
                .busbw_gb_per_s = std::numeric_limits<double>::infinity(),
                .last_worker = 1}};
  m.slowest = 1;
  m.warnings = {"shared cores", "few steps"};
  results.measurements = {m};
  return results;
}

TEST_CASE("A line for each number of workers") {
  CHECK(
      ResultsCsv(Small()) ==
      "model,mode,unit,device,transport,date,workers,units_per_step,units_per_s,speedup,"
      "efficiency,steps,step_median_ms,step_low_ms,step_high_ms,without_communication_median_ms,"
      "load_ms,forward_ms,backward_ms,exposed_ms,waiting_ms,optimizer_ms,other_ms,slowest_rank,"
      "warnings\r\n"
      "\"a \"\"small\"\", plain\\x0amodel\",strong,samples,2 cores,gloo,2026-11-28,2,256,20480.125,"
      "1.8,0.30000000000000004,50,12.5,12.25,13,,0.5,4,6,1,0.25,0.75,1e-07,1,"
      "shared cores; few steps\r\n");
}

TEST_CASE("A line for each bucket of each number of workers") {
  CHECK(BucketsCsv(Small()) ==
        "workers,bucket,name,bytes,first_ready_ms,ready_ms,start_ms,end_ms,hidden_ms,exposed_ms,"
        "busbw_gb_per_s,last_worker\r\n"
        "2,0,\"bucket 0 (a, b)\",1024,1,2,2.5,4,1,0.5,,1\r\n");
}

TEST_CASE("A line for each number of workers of each prediction") {
  const Prediction prediction{.model = "VGG-16",
                              .links = "25 Gbit/s",
                              .unit = "images",
                              .sizes = {{.workers = 512,
                                         .step_ms = 500.5,
                                         .units_per_s = 1e6,
                                         .efficiency = 0.68,
                                         .communication_ms = 400.25,
                                         .exposed_ms = 160,
                                         .algorithm = "ring",
                                         .costliest_bucket = 1,
                                         .costliest_name = "bucket 1 (fc6.weight)",
                                         .costliest_ms = 90}}};
  CHECK(PredictionsCsv(std::span(&prediction, 1)) ==
        "model,links,unit,workers,step_ms,units_per_s,efficiency,communication_ms,exposed_ms,"
        "waiting_ms,algorithm,costliest_bucket,costliest_name,costliest_ms\r\n"
        "VGG-16,25 Gbit/s,images,512,500.5,1000000,0.68,400.25,160,0,ring,1,"
        "bucket 1 (fc6.weight),90\r\n");
}

TEST_CASE("No measurement, only names") {
  const std::string csv = ResultsCsv({});
  CHECK(csv.find("\r\n") == csv.size() - 2);
  CHECK(csv.starts_with("model,mode,"));
}

TEST_CASE("Figures are the same under any locale") {
  struct Commas : std::numpunct<char> {
    char do_decimal_point() const override { return ','; }
    char do_thousands_sep() const override { return '.'; }
    std::string do_grouping() const override { return "\3"; }
  };
  const ScalingResults results = SampleResults({1, 2}, 2);
  const std::string csv = ResultsCsv(results), table = ResultsTable(results);
  const std::locale before = std::locale::global(std::locale(std::locale(), new Commas));
  const std::string csv_then = ResultsCsv(results), table_then = ResultsTable(results);
  std::locale::global(before);
  CHECK(csv_then == csv);
  CHECK(table_then == table);
}

TEST_CASE("Where the buckets go") {
  CHECK(BucketsCsvPath("scaling.csv") == "scaling.buckets.csv");
  CHECK(BucketsCsvPath("/a.b/scaling") == "/a.b/scaling.buckets.csv");
  CHECK(BucketsCsvPath("a/.csv") == "a/.csv.buckets.csv");
  CHECK(BucketsCsvPath("a.b/c.tsv") == "a.b/c.buckets.tsv");
}

}  // namespace
}  // namespace convoy::scaling
