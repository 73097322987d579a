// All that a prediction rests on, in words.
#pragma once

#include <string>
#include <vector>

#include "tools/scaling/model/predict.h"

namespace convoy::scaling {

/// One text for each assumption, with its figures.
std::vector<std::string> Assumptions(const ModelProfile& profile, const Links& links,
                                     const BucketPlan& plan, const PredictOptions& options);

}  // namespace convoy::scaling
