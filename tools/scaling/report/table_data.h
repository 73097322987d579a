// The tables of a scaling report, before they are text or HTML.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "tools/scaling/measure/results.h"
#include "tools/scaling/model/prediction.h"

namespace convoy::scaling {

struct TableData {
  enum class Kind { kNumber, kText };  ///< numbers stand at the right; text may be cut
  struct Column {
    std::string name;
    Kind kind = Kind::kNumber;
  };
  std::string title;  ///< "Buckets of 4 workers, in ms from the start of backward"
  std::vector<Column> columns;
  std::vector<std::vector<std::string>> rows;
};

/// Throughput and efficiency for every number of workers.
TableData EfficiencyTable(const ScalingResults& results);

/// The parts of a step for every number of workers.
TableData SplitTable(const ScalingResults& results);

/// The slowest worker for every number of workers; no rows if there is never more than one.
TableData SlowestTable(const ScalingResults& results);

/// The buckets of one number of workers; the last row has their totals.
TableData BucketTable(const Measurement& measurement);

/// What is predicted for every number of workers, with what has been published.
TableData PredictedTable(const Prediction& prediction);

/// What was measured, and how: name and text of each line. What is not known is left out.
std::vector<std::pair<std::string, std::string>> Facts(const ScalingResults& results);

/// The findings in a few sentences: how well training scales, and what the losses are.
std::vector<std::string> Summary(const ScalingResults& results);

/// One sentence: how efficient the largest number of workers is predicted to be. Empty without
/// sizes.
std::string Summary(const Prediction& prediction);

/// All warnings; those about one number of workers start with it.
std::vector<std::string> Warnings(const ScalingResults& results);

}  // namespace convoy::scaling
