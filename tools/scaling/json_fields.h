// The members of a report's structs under their names in JSON, in one place for writing and
// reading.
#pragma once

#include <type_traits>

#include "tools/scaling/prediction.h"
#include "tools/scaling/results.h"

namespace convoy {

// Each overload calls field(name, member) for every member. T is the struct, const when writing.
template <typename T, typename Struct>
concept IsA = std::is_same_v<std::remove_const_t<T>, Struct>;

void EachField(IsA<Spread> auto& x, auto&& field) {
  field("median", x.median);
  field("low", x.low);
  field("high", x.high);
}

void EachField(IsA<StepSplit> auto& x, auto&& field) {
  field("load_ms", x.load);
  field("forward_ms", x.forward);
  field("backward_ms", x.backward);
  field("exposed_ms", x.exposed);
  field("waiting_ms", x.waiting);
  field("optimizer_ms", x.optimizer);
  field("other_ms", x.other);
}

void EachField(IsA<BucketTimes> auto& x, auto&& field) {
  field("name", x.name);
  field("bytes", x.bytes);
  field("first_ready_ms", x.first_ready);
  field("ready_ms", x.ready);
  field("start_ms", x.start);
  field("end_ms", x.end);
  field("hidden_ms", x.hidden);
  field("exposed_ms", x.exposed);
  field("busbw_gb_per_s", x.busbw_gb_per_s);
  field("last_worker", x.last_worker);
}

void EachField(IsA<WorkerTimes> auto& x, auto&& field) {
  field("rank", x.rank);
  field("compute_ms", x.compute);
  field("late_ms", x.late);
}

void EachField(IsA<StepSpan> auto& x, auto&& field) {
  field("rank", x.rank);
  field("track", x.track);
  field("name", x.name);
  field("begin_ms", x.begin);
  field("end_ms", x.end);
  field("bucket", x.bucket);
}

void EachField(IsA<Measurement> auto& x, auto&& field) {
  field("workers", x.workers);
  field("units_per_step", x.units_per_step);
  field("steps", x.steps);
  field("step_ms", x.step);
  field("units_per_s", x.units_per_s);
  field("speedup", x.speedup);
  field("efficiency", x.efficiency);
  field("split", x.split);
  field("step_without_communication_ms", x.step_without_communication);
  field("buckets", x.buckets);
  field("by_worker", x.by_worker);
  field("slowest", x.slowest);
  field("timeline", x.timeline);
  field("warnings", x.warnings);
}

void EachField(IsA<ScalingResults> auto& x, auto&& field) {
  field("model", x.model);
  field("mode", x.mode);
  field("unit", x.unit);
  field("device", x.device);
  field("transport", x.transport);
  field("date", x.date);
  field("command", x.command);
  field("parameters", x.parameters);
  field("gradient_bytes", x.gradient_bytes);
  field("measurements", x.measurements);
  field("warnings", x.warnings);
}

void EachField(IsA<PredictedSize> auto& x, auto&& field) {
  field("workers", x.workers);
  field("step_ms", x.step_ms);
  field("units_per_s", x.units_per_s);
  field("efficiency", x.efficiency);
  field("communication_ms", x.communication_ms);
  field("exposed_ms", x.exposed_ms);
  field("waiting_ms", x.waiting_ms);
  field("algorithm", x.algorithm);
  field("costliest_bucket", x.costliest_bucket);
  field("costliest_name", x.costliest_name);
  field("costliest_ms", x.costliest_ms);
}

void EachField(IsA<PublishedPoint> auto& x, auto&& field) {
  field("workers", x.workers);
  field("efficiency", x.efficiency);
  field("source", x.source);
}

void EachField(IsA<Prediction> auto& x, auto&& field) {
  field("model", x.model);
  field("links", x.links);
  field("unit", x.unit);
  field("assumptions", x.assumptions);
  field("sizes", x.sizes);
  field("published", x.published);
  field("remarks", x.remarks);
}

}  // namespace convoy
