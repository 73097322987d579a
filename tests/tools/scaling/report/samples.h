// Measurements and predictions to show: an everyday one, and those at the limits.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "tools/scaling/measure/results.h"
#include "tools/scaling/model/prediction.h"

namespace convoy::scaling {

/// A GPT on the given numbers of workers with that many buckets, the last rank 8% slower.
ScalingResults SampleResults(const std::vector<int>& counts, int buckets);

/// ResNet-50 and VGG-16 from 8 to 4,096, with published figures.
std::vector<Prediction> SamplePredictions();

/// "what it is" and the results: one worker, many counts, many buckets, names with markup, splits
/// of zeros, NaN and infinities, nothing at all.
std::vector<std::pair<std::string, ScalingResults>> ExtremeResults();

}  // namespace convoy::scaling
