// The members of a report's structs and their names in JSON, in one place for writing and reading.
#pragma once

#include <cstddef>
#include <type_traits>

#include "tools/scaling/measure/results.h"
#include "tools/scaling/model/prediction.h"

namespace convoy::scaling {

// T is the struct, const when writing.
template <typename T, typename Struct>
concept IsA = std::is_same_v<std::remove_const_t<T>, Struct>;

// Calls field(name, member) for every member, with its name.
template <size_t kCount, typename... Members>
void Each(auto&& field, const char* const (&names)[kCount], Members&... members) {
  static_assert(sizeof...(Members) == kCount, "as many names as members");
  const char* const* name = names;
  (field(*name++, members), ...);
}

void EachField(IsA<Spread> auto& x, auto&& field) {
  Each(field, {"median", "low", "high"}, x.median, x.low, x.high);
}

void EachField(IsA<StepSplit> auto& x, auto&& field) {
  Each(field,
       {"load_ms", "forward_ms", "backward_ms", "exposed_ms", "waiting_ms", "optimizer_ms",
        "other_ms"},
       x.load, x.forward, x.backward, x.exposed, x.waiting, x.optimizer, x.other);
}

void EachField(IsA<BucketTimes> auto& x, auto&& field) {
  Each(field,
       {"name", "bytes", "first_ready_ms", "ready_ms", "start_ms", "end_ms", "hidden_ms",
        "exposed_ms", "busbw_gb_per_s", "last_worker"},
       x.name, x.bytes, x.first_ready, x.ready, x.start, x.end, x.hidden, x.exposed,
       x.busbw_gb_per_s, x.last_worker);
}

void EachField(IsA<WorkerTimes> auto& x, auto&& field) {
  Each(field, {"rank", "compute_ms", "late_ms"}, x.rank, x.compute, x.late);
}

void EachField(IsA<StepSpan> auto& x, auto&& field) {
  Each(field, {"rank", "track", "name", "begin_ms", "end_ms", "bucket"}, x.rank, x.track, x.name,
       x.begin, x.end, x.bucket);
}

void EachField(IsA<Measurement> auto& x, auto&& field) {
  Each(field,
       {"workers", "units_per_step", "steps", "step_ms", "units_per_s", "speedup", "efficiency",
        "split", "step_without_communication_ms", "buckets", "by_worker", "slowest", "timeline",
        "warnings"},
       x.workers, x.units_per_step, x.steps, x.step, x.units_per_s, x.speedup, x.efficiency,
       x.split, x.step_without_communication, x.buckets, x.by_worker, x.slowest, x.timeline,
       x.warnings);
}

void EachField(IsA<ScalingResults> auto& x, auto&& field) {
  Each(field,
       {"model", "mode", "unit", "device", "transport", "date", "command", "parameters",
        "gradient_bytes", "measurements", "warnings"},
       x.model, x.mode, x.unit, x.device, x.transport, x.date, x.command, x.parameters,
       x.gradient_bytes, x.measurements, x.warnings);
}

void EachField(IsA<PredictedSize> auto& x, auto&& field) {
  Each(field,
       {"workers", "step_ms", "units_per_s", "efficiency", "communication_ms", "exposed_ms",
        "waiting_ms", "algorithm", "costliest_bucket", "costliest_name", "costliest_ms"},
       x.workers, x.step_ms, x.units_per_s, x.efficiency, x.communication_ms, x.exposed_ms,
       x.waiting_ms, x.algorithm, x.costliest_bucket, x.costliest_name, x.costliest_ms);
}

void EachField(IsA<PublishedPoint> auto& x, auto&& field) {
  Each(field, {"workers", "efficiency", "source"}, x.workers, x.efficiency, x.source);
}

void EachField(IsA<Prediction> auto& x, auto&& field) {
  Each(field, {"model", "links", "unit", "assumptions", "sizes", "published", "remarks"}, x.model,
       x.links, x.unit, x.assumptions, x.sizes, x.published, x.remarks);
}

}  // namespace convoy::scaling
