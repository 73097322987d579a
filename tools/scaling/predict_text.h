// A prediction, and an advice, as text for the terminal.
#pragma once

#include <string>

#include "tools/scaling/advise.h"
#include "tools/scaling/prediction.h"

namespace convoy {

/// A table with a line for every number of workers, the bucket that costs most at each, what others
/// have published, and every assumption.
std::string PredictionText(const Prediction& prediction);

/// What the plan gains, and its buckets.
std::string AdviceText(const Advice& advice);

}  // namespace convoy
