// Where scaling_bench shows what it has found: the terminal and files.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "models/trainers/common/checks.h"
#include "tools/scaling/prediction.h"
#include "tools/scaling/results.h"

namespace CLI {
class App;
}

namespace convoy {

struct OutputFlags {
  std::string json, csv, html, svg;
};

/// Adds --json, --csv, --html and --svg.
void AddOutputFlags(CLI::App& app, OutputFlags& flags);
/// All files that Show writes, with the flag that asks for each.
std::vector<NamedFile> OutputFiles(const OutputFlags& flags);

/// Prints `results` (may be null), then what `predict` prints and returns, and writes the files.
/// Throws: Error if a file cannot be written, after all that can be.
void Show(const ScalingResults* results, const OutputFlags& flags,
          const std::function<std::vector<Prediction>()>& predict);
/// The same for what --json has written in several runs: the first measurement that there is, and
/// all predictions. Throws: also Error if a file cannot be read.
void ShowSaved(const std::vector<std::string>& paths, const OutputFlags& flags);

}  // namespace convoy
