// What was measured as tables, for a terminal or a file.
#pragma once

#include <cstdio>
#include <string>

#include "tools/scaling/measure/results.h"

namespace convoy::scaling {

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

}  // namespace convoy::scaling
