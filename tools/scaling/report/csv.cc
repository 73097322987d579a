// Measurements and predictions as CSV.
#include "tools/scaling/report/csv.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <cstring>
#include <initializer_list>
#include <system_error>

#include "core/base/printable.h"

namespace convoy::scaling {
namespace {

bool IsNumber(const std::string& text) {
  const char* end = text.data() + text.size();
  double value = 0;
  const auto [rest, error] = std::from_chars(text.data() + (text[0] == '+'), end, value);
  return error == std::errc() && rest == end;
}

// A spreadsheet takes a cell that begins like this for a formula, and one that begins with an
// apostrophe for a text.
std::string Defused(const std::string& text) {
  const bool formula = !text.empty() && std::strchr("=+-@", text[0]) != nullptr;
  return formula && !IsNumber(text) ? "'" + text : text;
}

class Csv {
 public:
  explicit Csv(std::initializer_list<const char*> names) {
    for (const char* name : names) Add(std::string(name));
    EndLine();
  }

  Csv& Add(const std::string& text) { return AddCell(Defused(Printable(text))); }

  // fmt gives the shortest text that is read as the same bits.
  Csv& Add(double value) {
    return AddCell(std::isfinite(value) ? fmt::format("{}", value) : std::string());
  }
  Csv& Add(int value) { return AddCell(std::to_string(value)); }
  Csv& Add(int64_t value) { return AddCell(std::to_string(value)); }

  void EndLine() {
    text_ += "\r\n";
    line_open_ = false;
  }

  std::string Take() { return std::move(text_); }

 private:
  Csv& AddCell(const std::string& text) {
    if (line_open_) text_ += ',';
    line_open_ = true;
    if (text.find_first_of(",\"\r\n") == std::string::npos) {
      text_ += text;
      return *this;
    }
    text_ += '"';
    for (const char c : text) text_ += c == '"' ? std::string("\"\"") : std::string(1, c);
    text_ += '"';
    return *this;
  }

  std::string text_;
  bool line_open_ = false;
};

std::string Joined(const std::vector<std::string>& texts) {
  std::string joined;
  for (const std::string& text : texts) joined += (joined.empty() ? "" : "; ") + text;
  return joined;
}

}  // namespace

std::string ResultsCsv(const ScalingResults& results) {
  Csv csv({"model",          "mode",         "unit",         "device",
           "transport",      "date",         "workers",      "units_per_step",
           "units_per_s",    "speedup",      "efficiency",   "steps",
           "step_median_ms", "step_low_ms",  "step_high_ms", "without_communication_median_ms",
           "load_ms",        "forward_ms",   "backward_ms",  "exposed_ms",
           "waiting_ms",     "optimizer_ms", "other_ms",     "slowest_rank",
           "warnings"});
  for (const Measurement& m : results.measurements) {
    csv.Add(results.model).Add(results.mode).Add(results.unit).Add(results.device);
    csv.Add(results.transport).Add(results.date).Add(m.workers).Add(m.units_per_step);
    csv.Add(m.units_per_s).Add(m.speedup).Add(m.efficiency).Add(m.steps);
    csv.Add(m.step.median).Add(m.step.low).Add(m.step.high);
    csv.Add(m.step_without_communication.median);
    const StepSplit& split = m.split;
    csv.Add(split.load).Add(split.forward).Add(split.backward).Add(split.exposed);
    csv.Add(split.waiting).Add(split.optimizer).Add(split.other).Add(m.slowest);
    csv.Add(Joined(m.warnings)).EndLine();
  }
  return csv.Take();
}

std::string BucketsCsv(const ScalingResults& results) {
  Csv csv({"workers", "bucket", "name", "bytes", "first_ready_ms", "ready_ms", "start_ms", "end_ms",
           "hidden_ms", "exposed_ms", "busbw_gb_per_s", "last_worker"});
  for (const Measurement& m : results.measurements) {
    for (size_t b = 0; b < m.buckets.size(); ++b) {
      const BucketTimes& bucket = m.buckets[b];
      csv.Add(m.workers).Add(static_cast<int>(b)).Add(bucket.name).Add(bucket.bytes);
      csv.Add(bucket.first_ready).Add(bucket.ready).Add(bucket.start).Add(bucket.end);
      csv.Add(bucket.hidden).Add(bucket.exposed).Add(bucket.busbw_gb_per_s);
      csv.Add(bucket.last_worker).EndLine();
    }
  }
  return csv.Take();
}

std::string PredictionsCsv(std::span<const Prediction> predictions) {
  Csv csv({"model", "links", "unit", "workers", "step_ms", "units_per_s", "efficiency",
           "communication_ms", "exposed_ms", "waiting_ms", "algorithm", "costliest_bucket",
           "costliest_name", "costliest_ms"});
  for (const Prediction& prediction : predictions) {
    for (const PredictedSize& size : prediction.sizes) {
      csv.Add(prediction.model).Add(prediction.links).Add(prediction.unit).Add(size.workers);
      csv.Add(size.step_ms).Add(size.units_per_s).Add(size.efficiency);
      csv.Add(size.communication_ms).Add(size.exposed_ms).Add(size.waiting_ms);
      csv.Add(size.algorithm).Add(size.costliest_bucket).Add(size.costliest_name);
      csv.Add(size.costliest_ms).EndLine();
    }
  }
  return csv.Take();
}

std::string BucketsCsvPath(const std::string& path) {
  const size_t slash = path.rfind('/');
  const size_t name = slash == std::string::npos ? 0 : slash + 1;
  const size_t dot = path.rfind('.');
  // A dot at the front of a name does not begin an extension.
  if (dot == std::string::npos || dot <= name) return path + ".buckets.csv";
  return path.substr(0, dot) + ".buckets" + path.substr(dot);
}

}  // namespace convoy::scaling
