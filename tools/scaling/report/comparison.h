// What was measured beside what was predicted for the same numbers of workers.
#pragma once

#include <span>
#include <string>

#include "tools/scaling/measure/results.h"
#include "tools/scaling/model/prediction.h"

namespace convoy::scaling {

/// A table with a row for every number of workers over 1 that `results` and a prediction share;
/// empty if there is none:
///
/// - the step: measured (median), predicted, and by how much the prediction is off
/// - hidden: of the communication that the prediction hides, how much was hidden
/// - held up: how long workers waited for sums and for each other as their own times tell, and the
///   difference between steps with and without communication: two ways to measure one thing
std::string ComparisonTable(const ScalingResults& results, std::span<const Prediction> predictions);

}  // namespace convoy::scaling
