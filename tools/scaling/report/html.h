// A scaling report as one page that needs nothing else: no network, no script.
#pragma once

#include <span>
#include <string>

#include "tools/scaling/measure/results.h"
#include "tools/scaling/model/prediction.h"

namespace convoy::scaling {

/// Summary, drawings (charts.h), tables, warnings, how it was measured, and predictions with what
/// they rest on. `results` may be null and `predictions` empty: what is missing is not mentioned.
/// HTML5 that is well-formed XML as well.
std::string HtmlReport(const ScalingResults* results, std::span<const Prediction> predictions);

}  // namespace convoy::scaling
