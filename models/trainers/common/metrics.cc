// Metrics as JSON lines.
#include "models/trainers/common/metrics.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>

#include "core/base/error.h"
#include "core/base/output_file.h"
#include "core/base/print.h"

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
  const OutputPlace place = FindOutput("--metrics", path);
  is_stream_ = place.is_stream;
  file_.emplace(OpenOutput("--metrics", place).Release());
  if (is_stream_) return;
  CONVOY_CHECK(LockFile(file_->get(), FileLock::kExclusive, 0, 0, /*wait=*/false),
               "[--metrics] another run is writing to '{}', and the lines of both would be mixed; "
               "give the name of another file, or wait until that run has ended",
               path);
  CONVOY_CHECK(ftruncate(file_->get(), 0) == 0, "[--metrics] cannot write '{}': {}", path,
               std::strerror(errno));
}

void MetricsFile::Write(const StepMetrics& metrics) {
  if (!file_) return;
  const std::string line = ToJson(metrics) + "\n";
  int64_t written = 0;
  const off_t at = is_stream_ ? -1 : bytes_;
  const int error = WriteFully(file_->get(), line.data(), line.size(), at, written);
  if (error == 0) {
    bytes_ += written;
    return;
  }
  // Remove the incomplete line.
  if (!is_stream_ && ftruncate(file_->get(), bytes_) != 0) errno = 0;
  file_.reset();
  failure_ = fmt::format("cannot write '{}' from step {} on: {}", path_, metrics.step,
                         std::strerror(error));
  Warn("[--metrics] {}; the run goes on without", failure_);
}

void TellIncomplete(const Worker& worker, const char* flag, const std::string& what) {
  CONVOY_CHECK(worker.stopped_by() != 0, "[{}] the run is complete, but {}", flag, what);
  Warn("[{}] the run has ended, but {}", flag, what);
}

void MetricsFile::Finish(const Worker& worker) const {
  if (!failure_.empty()) TellIncomplete(worker, "--metrics", "its metrics are not: " + failure_);
}

}  // namespace convoy
