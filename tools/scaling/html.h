// A scaling report as one page that needs nothing else: no network, no script.
#pragma once

#include <span>
#include <string>

#include "tools/scaling/prediction.h"
#include "tools/scaling/results.h"

namespace convoy {

/// Summary, drawings (charts.h), tables, warnings, how it was measured, and predictions with what
/// they stand on. `results` may be null, `predictions` empty: what is not there is not mentioned.
/// HTML5 that is well-formed XML as well.
std::string HtmlReport(const ScalingResults* results, std::span<const Prediction> predictions);

}  // namespace convoy
