// Times training steps on growing numbers of workers.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "parallel/data_parallel.h"
#include "parallel/group/worker.h"
#include "tools/bench/workload.h"
#include "tools/scaling/measure/model_profile.h"
#include "tools/scaling/measure/results.h"

namespace convoy::scaling {

struct MeasureOptions {
  std::vector<int> counts = {1};  ///< numbers of workers, ascending; ranks from 0 on take part
  bool strong = false;            ///< the batch is divided among the workers
  int64_t batch = 0;  ///< samples of a worker, or of all if `strong`; 0: the model's default
  int warmup = 3;     ///< steps before the timed ones
  int rounds = 5;     ///< rounds with and without communication in turn; at most `steps`
  int steps = 20;     ///< timed steps of all rounds
  BucketOptions buckets;
  std::string bucket_plan;  ///< a bucket plan file; empty: `buckets` plans
  std::string timeline;     ///< a file for the timeline of the most workers; empty: none
};

/// Makes the model that `worker` trains, with `batch` samples (0: the model's default).
using MakeModel = std::function<std::unique_ptr<Workload>(const Worker& worker, int64_t batch)>;

struct Measured {
  ScalingResults results;         ///< all but date, device and command
  ModelProfile profile;           ///< of a worker without communication, among the fewest workers
  bool timeline_complete = true;  ///< all workers could write to MeasureOptions::timeline
};

/// Trains on each number of workers in turn. Collective over all workers of the run; the result is
/// complete on worker 0.
/// Throws: Error on counts that the run does not have, or a batch that cannot be divided.
Measured Measure(Worker& worker, const MakeModel& make_model, const MeasureOptions& options);

}  // namespace convoy::scaling
