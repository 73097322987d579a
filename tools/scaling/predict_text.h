// A prediction as text for the terminal.
#pragma once

#include <string>

#include "tools/scaling/advise.h"
#include "tools/scaling/prediction.h"

namespace convoy {

/// A table with a line for every number of workers, what others have published, and every
/// assumption.
std::string PredictionText(const Prediction& prediction);
/// The plan's buckets, and what it gains.
std::string AdviceText(const Advice& advice);

}  // namespace convoy
