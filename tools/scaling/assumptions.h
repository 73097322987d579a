// All that a prediction stands on, in words.
#pragma once

#include <string>
#include <vector>

#include "tools/scaling/predict.h"

namespace convoy {

/// One a line, with the figures.
std::vector<std::string> Assumptions(const ModelProfile& profile, const Links& links,
                                     const BucketPlan& plan, const PredictOptions& options);

}  // namespace convoy
