// Times the collectives alone, with nccl-tests' flags and columns: tools/allreduce.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>

#include "core/base/error.h"
#include "core/base/file.h"
#include "models/trainers/common/checks.h"
#include "parallel/launch.h"
#include "parallel/launch/program.h"
#include "tools/collectives/measure.h"
#include "tools/collectives/options.h"
#include "tools/collectives/places.h"
#include "tools/collectives/report.h"

namespace convoy::collectives {
namespace {

void Print(const Worker& worker, const std::string& text) {
  if (!worker.is_main()) return;
  std::fputs(text.c_str(), stdout);
  std::fflush(stdout);  // a row may take long
}

void Bench(Worker& worker, const CollectiveBenchOptions& options) {
  CONVOY_CHECK(options.root < worker.world_size(),
               "[allreduce] -r {} is none of the {} workers, which are counted from 0",
               options.root, worker.world_size());
  if (worker.is_main() && !options.json.empty()) CheckWritable("--json", options.json);
  const std::vector<WorkerPlace> places = GatherPlaces(worker);
  const std::vector<CollectiveBenchOptions> runs = Runs(options);
  for (const CollectiveBenchOptions& run : runs) CheckMemory(worker, places, run);
  CollectiveReport report(options, worker.group().name(), worker.world_size());
  Print(worker, report.Header(places));
  for (const CollectiveBenchOptions& run : runs) {
    for (const int64_t size : SizesOf(run.sweep)) {
      Print(worker, report.Row(MeasureCollective(worker, run, size)));
    }
  }
  Print(worker, report.Closing());
  if (!worker.is_main()) return;
  if (!options.json.empty()) WriteTextFile("--json", options.json, report.Json());
  CONVOY_CHECK(report.wrong() == 0, "[allreduce] {} elements are wrong: see the column #wrong",
               report.wrong());
}

}  // namespace
}  // namespace convoy::collectives

int main(int argc, char** argv) {
  convoy::collectives::CollectiveBenchOptions options;
  convoy::LaunchOptions launch;
  CLI::App app(
      "Times the collectives alone, over whatever joins the workers, with nccl-tests' columns and\n"
      "conventions: algbw is size over time, busbw how busy that keeps each worker's link.\n"
      "Exits with 1 if a result is wrong.",
      "tools/allreduce");
  convoy::collectives::AddFlags(app, options);
  convoy::AddLaunchFlags(app, launch);
  return convoy::RunProgram(app, argc, argv, "allreduce", [&] {
    convoy::collectives::FinishOptions(app, options, launch);
    return convoy::Launch(
        launch, [&](convoy::Worker& worker) { convoy::collectives::Bench(worker, options); });
  });
}
