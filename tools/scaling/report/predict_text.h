// A prediction and advice on bucket plans as text for the terminal.
#pragma once

#include <string>

#include "tools/scaling/model/advise.h"
#include "tools/scaling/model/prediction.h"

namespace convoy::scaling {

/// A table with a line for every number of workers, the bucket that costs most at each, what others
/// have published, and every assumption.
std::string PredictionText(const Prediction& prediction);

/// The buckets of the plan, and what it gains over the default plan.
std::string AdviceText(const Advice& advice);

}  // namespace convoy::scaling
