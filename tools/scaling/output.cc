// Where scaling_bench shows what it has found: the terminal and files.
#include "tools/scaling/output.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <iterator>
#include <optional>
#include <span>
#include <utility>

#include "core/base/error.h"
#include "core/base/file.h"
#include "core/base/print.h"
#include "tools/scaling/report/charts.h"
#include "tools/scaling/report/comparison.h"
#include "tools/scaling/report/csv.h"
#include "tools/scaling/report/html.h"
#include "tools/scaling/report/json.h"
#include "tools/scaling/report/predict_text.h"
#include "tools/scaling/report/table.h"

namespace convoy::scaling {
namespace {

constexpr int64_t kMaxBytes = 64 << 20;  // the largest file that --from reads

// Writes all files that were asked for, as far as that is possible; then throws the first error.
void WriteFiles(const ScalingResults* results, std::span<const Prediction> predictions,
                const OutputFlags& flags) {
  std::optional<Error> first;
  const auto write = [&](const char* flag, const std::string& path, const auto& text) {
    if (path.empty()) return;
    try {
      WriteTextFile(flag, path, text());
    } catch (const Error& error) {
      if (!first) first = error;
    }
  };
  write("--json", flags.json, [&] { return ScalingJson(results, predictions); });
  write("--html", flags.html, [&] { return HtmlReport(results, predictions); });
  write("--svg", flags.svg, [&] { return EfficiencyChart(results, predictions); });
  if (results != nullptr) {
    write("--csv", flags.csv, [&] { return ResultsCsv(*results); });
    if (!flags.csv.empty()) {
      write("--csv", BucketsCsvPath(flags.csv), [&] { return BucketsCsv(*results); });
    }
  } else {
    write("--csv", flags.csv, [&] { return PredictionsCsv(predictions); });
  }
  if (first) throw *first;
}

}  // namespace

void AddOutputFlags(CLI::App& app, OutputFlags& flags) {
  app.option_defaults()->always_capture_default(false)->group("Output");
  app.add_option("--json", flags.json, "Write all figures to this file, for --from")
      ->type_name("FILE");
  app.add_option("--csv", flags.csv,
                 "Write a line for every number of workers to this file, and one for every bucket "
                 "to FILE.buckets.csv")
      ->type_name("FILE");
  app.add_option("--html", flags.html,
                 "Write a page with drawings and tables to this file; it needs no network")
      ->type_name("FILE");
  app.add_option("--svg", flags.svg, "Write the drawing of efficiency to this file")
      ->type_name("FILE");
}

std::vector<NamedFile> OutputFiles(const OutputFlags& flags) {
  std::vector<NamedFile> files{
      {"--json", flags.json}, {"--csv", flags.csv}, {"--html", flags.html}, {"--svg", flags.svg}};
  if (!flags.csv.empty()) files.push_back({"--csv", BucketsCsvPath(flags.csv)});
  return files;
}

void Show(const ScalingResults* results, const OutputFlags& flags,
          const std::function<std::vector<Prediction>()>& predict) {
  if (results != nullptr) {
    PrintTo(stdout, "{}\n", ResultsTable(*results, {.color = WantsColor(stdout)}));
  }
  std::vector<Prediction> predictions;
  std::exception_ptr failed;
  try {
    predictions = predict();
  } catch (const Error&) {
    failed = std::current_exception();  // thrown again when the measurement is written
  }
  if (results != nullptr) PrintTo(stdout, "{}", ComparisonTable(*results, predictions));
  WriteFiles(results, predictions, flags);
  if (failed) std::rethrow_exception(failed);
}

void ShowSaved(const std::vector<std::string>& paths, const OutputFlags& flags) {
  SavedScaling all;
  for (const std::string& path : paths) {
    SavedScaling saved =
        ParseScalingJson(ReadWholeFile("--from", path, kMaxBytes, /*pipes=*/true), path);
    if (!all.results) all.results = std::move(saved.results);
    std::move(saved.predictions.begin(), saved.predictions.end(),
              std::back_inserter(all.predictions));
  }
  Show(all.results ? &*all.results : nullptr, flags, [&] {
    for (const Prediction& prediction : all.predictions) {
      PrintTo(stdout, "\n{}", PredictionText(prediction));
    }
    return all.predictions;
  });
}

}  // namespace convoy::scaling
