// Measurements and predictions as JSON, to be kept and shown again.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tools/scaling/measure/results.h"
#include "tools/scaling/model/prediction.h"

namespace convoy::scaling {

struct SavedScaling {
  std::optional<ScalingResults> results;
  std::vector<Prediction> predictions;
};

/// One JSON object; `results` may be null. Names are those of results.h and prediction.h, with
/// units
/// ("forward_ms"). Every finite number comes back from ParseScalingJson with the same bits; NaN and
/// infinities are null, and come back as NaN. What is no UTF-8 in a text is replaced by U+FFFD.
std::string ScalingJson(const ScalingResults* results, std::span<const Prediction> predictions);

/// Reads what ScalingJson wrote. Keys that it does not know are ignored. Texts are made printable
/// (core/base/printable.h).
///
/// Throws: Error that names `file`, the place in it, what was expected and what is there; also if
/// it is deeper than 16 levels, has more than 524,288 keys and values or a text of more than 1 MiB.
SavedScaling ParseScalingJson(const std::string& text, const std::string& file);

}  // namespace convoy::scaling
