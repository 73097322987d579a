// Measurements and predictions as CSV (RFC 4180), one table a file.
//
// First a line of names, with units; lines end with CR LF. Fields with a comma, a quotation mark or
// a line break are quoted. Numbers have a decimal point whatever the locale, and as many digits as
// give the same bits when read; NaN and infinities are empty.
#pragma once

#include <span>
#include <string>

#include "tools/scaling/measure/results.h"
#include "tools/scaling/model/prediction.h"

namespace convoy::scaling {

/// A line for each number of workers. It starts with what was measured (model, mode, unit, device,
/// transport, date), so that tables of several runs can be put under each other.
std::string ResultsCsv(const ScalingResults& results);

/// A line for each bucket of each number of workers; `workers` and `bucket` say which.
std::string BucketsCsv(const ScalingResults& results);

/// A line for each number of workers of each prediction.
std::string PredictionsCsv(std::span<const Prediction> predictions);

/// Where BucketsCsv goes beside a file of ResultsCsv: "a/b.csv" gives "a/b.buckets.csv".
std::string BucketsCsvPath(const std::string& path);

}  // namespace convoy::scaling
