// What tools/allreduce is made of: sizes, amounts, memory, tables.
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "tests/json.h"
#include "tools/collectives/measure.h"
#include "tools/collectives/places.h"
#include "tools/collectives/report.h"
#include "tools/collectives/sizes.h"

namespace convoy::collectives {
namespace {

TEST_CASE("Sizes are read with suffixes, in steps of 1024") {
  for (const auto& [text, bytes] :
       std::vector<std::pair<std::string, int64_t>>{{"0", 0},
                                                    {"8", 8},
                                                    {"64K", 64 << 10},
                                                    {"64k", 64 << 10},
                                                    {"25M", 25 << 20},
                                                    {"1.5M", 3 << 19},
                                                    {"1G", 1 << 30},
                                                    {"1024G", int64_t{1} << 40}}) {
    CAPTURE(text);
    CHECK(ParseSize("-b", text) == bytes);
  }
  for (const std::string text :
       {"", "M", "8B", "8KB", "-8", "1e3", "1.2.3", "0.3", "1025G", "8 K", "0x10", "inf", "."}) {
    CAPTURE(text);
    CHECK_THROWS_WITH(ParseSize("-b", text),
                      "[allreduce] -b wants a number of bytes, at most 1024G, such as 8, 64K, 25M "
                      "or 1G; got '" +
                          text + "'");
  }
}

TEST_CASE("A sweep goes from the first size to the last, by a sum or a factor") {
  using Sizes = std::vector<int64_t>;
  CHECK(SizesOf({.first = 8, .last = 128, .factor = 4}) == Sizes{8, 32, 128});
  CHECK(SizesOf({.first = 8, .last = 127, .factor = 4}) == Sizes{8, 32});
  CHECK(SizesOf({.first = 0, .last = 10, .step = 4}) == Sizes{0, 4, 8});
  CHECK(SizesOf({.first = 0, .last = 0, .factor = 2}) == Sizes{0});
  CHECK_THROWS_WITH(SizesOf({.first = 9, .last = 8, .step = 1}),
                    "[allreduce] the smallest size, 9 bytes (-b), is above the largest, 8 bytes "
                    "(-e)");
  CHECK_THROWS_WITH(SizesOf({.first = 0, .last = 8, .factor = 2}),
                    Catch::Contains("never get there by a factor of 2"));
  CHECK_THROWS_WITH(SizesOf({.first = 1, .last = 8, .step = 0}),
                    Catch::Contains("never get there by 0 bytes at a time"));
}

TEST_CASE("Amounts and bus factors are nccl-tests'") {
  struct Row {
    CollectiveKind kind;
    Amount amount;  // of 1003 bytes of f32 on 4 workers
    double factor;
  };
  for (const Row& row : std::vector<Row>{{CollectiveKind::kAllReduce, {1000, 250, 250, 0}, 1.5},
                                         {CollectiveKind::kBroadcast, {1000, 250, 250, 0}, 1},
                                         {CollectiveKind::kAllGather, {992, 62, 62, 248}, 0.75},
                                         {CollectiveKind::kReduceScatter, {992, 62, 248, 62}, 0.75},
                                         {CollectiveKind::kAllToAll, {992, 62, 248, 248}, 0.75}}) {
    CAPTURE(Name(row.kind));
    const Amount amount = AmountOf(row.kind, DType::kF32, 1003, 4);
    CHECK(amount.bytes == row.amount.bytes);
    CHECK(amount.count == row.amount.count);
    CHECK(amount.input == row.amount.input);
    CHECK(amount.output == row.amount.output);
    CHECK(BusFactor(row.kind, 4) == row.factor);
  }
  CHECK(BusFactor(CollectiveKind::kAllReduce, 1) == 0);
}

TEST_CASE("Memory is what the kernel says is available, and what the tensors take") {
  CHECK(AvailableBytes("MemTotal:       24689764 kB\nMemFree:  1 kB\nMemAvailable:   2048 kB\n") ==
        2 << 20);
  CHECK(AvailableBytes("MemTotal:       24689764 kB\n") == -1);
  CHECK(AvailableBytes("MemAvailable:   ") == -1);
  CollectiveBenchOptions options{.sweep = {.first = 4, .last = 4000}};
  CHECK(HostBytesNeeded(options, 4, /*on_gpu=*/false) == 4000);
  options.kind = CollectiveKind::kAllGather;
  CHECK(HostBytesNeeded(options, 4, /*on_gpu=*/false) == 5000);
  CHECK(HostBytesNeeded(options, 4, /*on_gpu=*/true) == 4000);
  options.checks = 0;
  CHECK(HostBytesNeeded(options, 4, /*on_gpu=*/true) == 0);
  options = {.sweep = {.first = 4, .last = 4000}, .average = true};
  CHECK(HostBytesNeeded(options, 4, /*on_gpu=*/false) == 8000);  // the sum, and the averages
}

TEST_CASE("The report has nccl-tests' columns and closing lines") {
  const CollectiveBenchOptions options{.sweep = {.first = 8, .last = 1 << 20, .factor = 2}};
  CollectiveReport report(options, "gloo", 2);
  CHECK(report.Header({{"one", 12, "cpu:0", 0, "CPU"}, {"two", 34567, "cpu:0", 0, "CPU"}}) ==
        R"(# allreduce over gloo, 2 workers, in-place only: Convoy's call has no other form
# minBytes 8 maxBytes 1048576 step: 2(factor) warmup iters: 5 iters: 20 validation: 1
# time: mean of the iterations, of the worker for which all of them took longest
#
# Using devices
#  Rank  0 Group  0 Pid     12 on        one device  0 [cpu:0] CPU
#  Rank  1 Group  0 Pid  34567 on        two device  0 [cpu:0] CPU
#
#                                                            in-place
#       size         count      type   redop    root     time   algbw   busbw  #wrong
#        (B)    (elements)                               (us)  (GB/s)  (GB/s)
)");
  CHECK(report.Row({.amount = {.bytes = 8, .count = 2}, .seconds = 50e-6, .wrong = 0}) ==
        "           8             2     float     sum      -1    50.00  0.0002  0.0002      0\n");
  CHECK(report.Row({.amount = {.bytes = 1 << 20, .count = 1 << 18}, .seconds = 2e-3, .wrong = 3}) ==
        "     1048576        262144     float     sum      -1   2000.0  0.5243  0.5243      3\n");
  CHECK(report.wrong() == 3);
  CHECK(report.Closing() ==
        "# Out of bounds values : 3 FAILED\n# Avg bus bandwidth    : 0.262224\n#\n");
  const auto rows = ParseJson(report.Json());
  REQUIRE(rows.size() == 2);
  CHECK(rows[1]["size"] == 1 << 20);
  CHECK(rows[1]["time_us"].get<double>() == Approx(2000));
  CHECK(rows[1]["busbw_gb_per_s"].get<double>() == Approx(0.524288));
  CHECK(rows[1]["wrong"] == 3);
}

TEST_CASE("JSON's bandwidths of three workers are those worked out by hand") {
  struct Row {
    CollectiveKind kind;
    double busbw;
  };
  // 6 MB in 2 ms are 3 GB/s; nccl-tests' doc/PERFORMANCE.md has the factors.
  for (const Row& row : std::vector<Row>{{CollectiveKind::kAllReduce, 4},
                                         {CollectiveKind::kAllGather, 2},
                                         {CollectiveKind::kReduceScatter, 2},
                                         {CollectiveKind::kAllToAll, 2},
                                         {CollectiveKind::kBroadcast, 3}}) {
    CAPTURE(Name(row.kind));
    CollectiveReport report({.kind = row.kind}, "nccl", 3);
    const std::string line =
        report.Row({.amount = {.bytes = 6'000'000, .count = 1}, .seconds = 2e-3, .wrong = 0});
    CHECK_THAT(line, Catch::Contains("  3.0000  " + std::to_string(int(row.busbw)) + ".0000 "));
    const auto rows = ParseJson(report.Json());
    CHECK(rows.at(0).at("algbw_gb_per_s").get<double>() == Approx(3));
    CHECK(rows.at(0).at("busbw_gb_per_s").get<double>() == Approx(row.busbw));
    CHECK(rows.at(0).at("workers") == 3);
  }
}

TEST_CASE("What is not checked is not called right") {
  CollectiveReport report({.kind = CollectiveKind::kBroadcast, .checks = 0, .root = 1}, "nccl", 8);
  CHECK(report.Row({.amount = {.bytes = 1 << 30, .count = 1 << 28}, .seconds = 0.01}) ==
        "  1073741824     268435456     float    none       1    10000  107.37  107.37    N/A\n");
  CHECK_THAT(report.Closing(), Catch::Contains("# Out of bounds values : N/A (not checked)\n"));
  CHECK(ParseJson(report.Json())[0]["wrong"].is_null());
}

}  // namespace
}  // namespace convoy::collectives
