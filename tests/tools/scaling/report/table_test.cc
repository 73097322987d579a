// What a report says on a terminal.
#include "tools/scaling/report/table.h"

#include <catch2/catch.hpp>
#include <limits>
#include <sstream>
#include <string>

#include "tests/tools/scaling/report/samples.h"

namespace convoy::scaling {
namespace {

TEST_CASE("A measurement as tables") {
  ScalingResults results = SampleResults({1, 2}, 2);
  results.warnings = {
      "the machine has 1 core for 2 workers: they take turns, and what is measured "
      "is not how training scales"};
  results.measurements[1].warnings = {"the step's quartiles lie 4.4% apart"};
  CHECK(ResultsTable(results) == R"(Convoy scaling: gpt: 4 layers, 4 heads, 128 channels, context 64
  scaling     weak: every worker has a batch of the same size
  machine     16 cores of an AMD EPYC 9V74
  transport   gloo
  parameters  813,824 (3.1 MiB of gradients)
  date        2026-11-28
  command     tools/scaling_bench gpt --workers 1,2,4,8 --repeat 7

Efficiency
  workers  tokens/s  speed-up  efficiency  step ms       quartiles  without comm.  steps
        1    25,490      1.00      100.0%    30.13  29.68 to 31.03          30.13    200
        2    38,702      1.52       75.9%    39.69  39.09 to 40.88          32.34    200

Where a step's time goes, in ms (mean over workers)
  workers  load  forward  backward  exposed  waiting  optimizer  other    sum
        1  0.31     8.40     19.20     0.00     0.00       2.10   0.12  30.13
        2  0.31     8.40     19.20     7.35     2.21       2.10   0.12  39.69

The slowest worker, in ms a step (waits left out)
  workers  slowest  computes  others' median  longer by  gradients late by
        2   rank 1     32.25           30.01       7.5%               2.21

Buckets of 2 workers, in ms from the start of backward (first: ready on one, last: the rank)
  bucket                             bytes  first  ready  start    end   GB/s  hidden  exposed  last
  bucket 0 (blocks.1.mlp.fc.we...  1.6 MiB   9.60  10.70  10.70  18.05  0.221    7.35     0.00     1
  bucket 1 (blocks.0.mlp.fc.we...  1.6 MiB  19.20  21.41  21.41  28.76  0.221    0.00     7.35     1
  all                              3.1 MiB                                       7.35     7.35

2 workers are 1.52 times as fast as 1 worker: 38,702 tokens/s, an efficiency of 75.9%.
Of a step of 39.69 ms on 2 workers, communication that nothing hides takes 7.35 ms (18.5%), waiting
for the slowest worker 2.21 ms (5.6%).
With the sums left out, a step on 2 workers still takes 32.34 ms, 2.21 ms (7.3%) longer than on 1
worker: what they share of the machine (memory, caches, clock) takes that, not communication.
The slowest worker is rank 1: it computes 32.25 ms a step, 7.5% longer than the median of the
others.

warning: the machine has 1 core for 2 workers: they take turns, and what is measured is not how
         training scales
warning: 2 workers: the step's quartiles lie 4.4% apart
)");
}

TEST_CASE("No line is too long, and nothing in a name reaches the terminal as a command") {
  for (const auto& [name, results] : ExtremeResults()) {
    INFO(name);
    std::istringstream lines(ResultsTable(results));
    for (std::string line; std::getline(lines, line);) {
      INFO(line);
      // What has no space to be wrapped at stays whole: a path of a command can be copied.
      if (line.find(std::string(100, 'W')) == std::string::npos) CHECK(line.size() <= 100);
      CHECK(line.find_first_of("\x1b\x01\r") == std::string::npos);
      CHECK(!line.ends_with(' '));
    }
  }
}

TEST_CASE("Figures that are not finite are dashes") {
  ScalingResults results = SampleResults({1, 2}, 1);
  results.measurements[1].efficiency = std::numeric_limits<double>::quiet_NaN();
  results.measurements[1].speedup = std::numeric_limits<double>::infinity();
  const std::string table = ResultsTable(results);
  CHECK_THAT(table, Catch::Contains("tokens/s  speed-up  efficiency  step ms"));
  CHECK_THAT(table, Catch::Contains("         -           -    "));
  CHECK(table.find("nan") == std::string::npos);
  CHECK(table.find("inf") == std::string::npos);
}

TEST_CASE("Colours only if asked for") {
  ScalingResults results = SampleResults({1, 2}, 2);
  results.warnings = {"cores are shared"};
  CHECK(ResultsTable(results).find('\033') == std::string::npos);
  CHECK_THAT(ResultsTable(results, {.color = true}),
             Catch::Contains("\033[33mwarning: cores are shared\033[0m\n"));
}

TEST_CASE("A file is no terminal") {
  std::FILE* file = std::tmpfile();
  CHECK(!WantsColor(file));
  std::fclose(file);
}

}  // namespace
}  // namespace convoy::scaling
