// What was measured and predicted as tables, for a terminal or a file.
#pragma once

#include <cstdio>
#include <span>
#include <string>

#include "tools/scaling/prediction.h"
#include "tools/scaling/results.h"

namespace convoy {

struct TableOptions {
  bool color = false;  ///< headings bold, warnings yellow: for terminals alone
  int columns = 100;   ///< no line is longer; names are cut, other text is wrapped
};

/// Whether `file` is a terminal that wants colours (see no-color.org).
bool WantsColor(std::FILE* file);

/// Throughput, efficiency and the split of a step for every number of workers; the buckets and the
/// slowest worker of the largest; all warnings. Several lines, the last one ended. Figures that are
/// not finite are "-".
std::string ResultsTable(const ScalingResults& results, TableOptions options = {});

/// Efficiency by number of workers, the published figures beside it, and what it stands on.
std::string PredictionTable(const Prediction& prediction, TableOptions options = {});

}  // namespace convoy
