// Metrics as JSON lines.
#include "models/trainers/common/metrics.h"

#include <nlohmann/json.hpp>

#include "core/error.h"

namespace convoy {

std::string ToJson(const StepMetrics& metrics) {
  // nlohmann writes NaN and infinity as null.
  nlohmann::ordered_json json{
      {"step", metrics.step},       {"loss", metrics.loss},
      {"lr", metrics.lr},           {"grad_norm", metrics.grad_norm},
      {"step_ms", metrics.step_ms}, {"samples_per_s", metrics.samples_per_s}};
  if (metrics.tokens_per_s) json["tokens_per_s"] = *metrics.tokens_per_s;
  if (metrics.loss_scale) json["loss_scale"] = *metrics.loss_scale;
  if (metrics.skipped) json["skipped"] = true;
  json["exposed_comm_ms"] = metrics.exposed_comm_ms;
  if (metrics.evaluation) {
    json["val_loss"] = metrics.evaluation->loss;
    if (metrics.evaluation->accuracy) json["val_accuracy"] = *metrics.evaluation->accuracy;
  }
  return json.dump();
}

MetricsFile::MetricsFile(const std::string& path) : path_(path) {
  if (path.empty()) return;
  file_.open(path, std::ios::trunc);
  CONVOY_CHECK(file_.is_open(), "[--metrics] cannot open '{}' for writing", path);
}

void MetricsFile::Write(const StepMetrics& metrics) {
  if (!file_.is_open()) return;
  file_ << ToJson(metrics) << '\n' << std::flush;
  CONVOY_CHECK(file_.good(), "[--metrics] writing to '{}' failed: is the disk full?", path_);
}

}  // namespace convoy
