// When each bucket of a step is ready, summed and updated: the order of events in DataParallel.
#include "tools/scaling/model/schedule.h"

#include <algorithm>

#include "core/base/error.h"

namespace convoy::scaling {
namespace {

// The slowest worker waits from `from` to `to`: the allreduces that run then are exposed.
void Expose(double from, double to, StepSchedule& schedule) {
  if (to <= from) return;
  schedule.exposed += to - from;
  for (StepSchedule::Bucket& bucket : schedule.buckets) {
    bucket.exposed += std::max(0.0, std::min(to, bucket.end) - std::max(from, bucket.start));
  }
}

}  // namespace

StepSchedule Schedule(const StepLoad& load, double slowest) {
  StepSchedule schedule;
  // When the slowest worker does what a worker on time does at `time`. Both count from the start of
  // backward on a worker on time.
  const auto late = [&](double time) { return (load.forward + time) * slowest - load.forward; };
  double link = 0;     // when the allreduce before has ended
  double stopped = 0;  // how long summing has stopped the cores that compute
  double updates = 0;
  for (const StepLoad::Bucket& bucket : load.buckets) {
    const double ready = late(bucket.ready) + stopped;
    const double start = std::max(ready, link);
    link = start + bucket.sum;
    schedule.buckets.push_back({.ready = ready, .start = start, .end = link});
    schedule.communication += bucket.sum;
    updates += bucket.update;
    if (!load.sums_on_cores) continue;
    stopped += bucket.sum;
    schedule.buckets.back().exposed = bucket.sum;
  }
  schedule.waiting = (load.forward + load.backward) * (slowest - 1);
  double now = late(load.backward) + stopped;
  if (load.sums_on_cores) {
    schedule.exposed = stopped;
    now += updates;
  } else if (load.measures_norm) {
    Expose(now, link, schedule);
    now = std::max(now, link) + updates;
  } else {
    for (size_t b = 0; b < load.buckets.size(); ++b) {
      const double end = schedule.buckets[b].end;
      Expose(now, end, schedule);
      now = std::max(now, end) + load.buckets[b].update;
    }
  }
  schedule.step = load.forward + now;
  return schedule;
}

StepLoad LoadOf(const ModelProfile& profile, const BucketPlan& plan, double compute_scale) {
  StepLoad load;
  load.forward = profile.forward_ms * compute_scale;
  load.backward = profile.backward_ms * compute_scale;
  const double all = static_cast<double>(std::max<int64_t>(profile.bytes(), 1));
  for (const std::vector<int>& indices : plan) {
    StepLoad::Bucket& bucket = load.buckets.emplace_back();
    for (const int index : indices) {
      CONVOY_CHECK(index >= 0 && index < static_cast<int>(profile.parameters.size()),
                   "[predict] the plan names parameter {} of {}", index, profile.parameters.size());
      const ParameterProfile& parameter = profile.parameters[static_cast<size_t>(index)];
      bucket.bytes += parameter.bytes;
      bucket.ready = std::max(bucket.ready, parameter.ready_ms * compute_scale);
    }
    bucket.update = profile.optimizer_ms * static_cast<double>(bucket.bytes) / all;
  }
  return load;
}

}  // namespace convoy::scaling
