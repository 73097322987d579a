// Where scaling_bench shows what it has found: the terminal and files.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "models/trainers/common/checks.h"
#include "tools/scaling/measure/results.h"
#include "tools/scaling/model/prediction.h"

namespace CLI {
class App;
}

namespace convoy::scaling {

struct OutputFlags {
  std::string json, csv, html, svg;
};

/// Adds --json, --csv, --html and --svg.
void AddOutputFlags(CLI::App& app, OutputFlags& flags);
/// The files that Show writes, with the flag that asks for each.
std::vector<NamedFile> OutputFiles(const OutputFlags& flags);

/// Prints `results` (may be null), then what `predict` prints and returns, and writes the files.
/// Throws: Error if a file cannot be written, after writing the others.
void Show(const ScalingResults* results, const OutputFlags& flags,
          const std::function<std::vector<Prediction>()>& predict);
/// Shows files that --json has written in several runs: the first measurement among them, and all
/// predictions. Throws: as Show does, and Error if a file cannot be read.
void ShowSaved(const std::vector<std::string>& paths, const OutputFlags& flags);

}  // namespace convoy::scaling
