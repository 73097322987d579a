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
#include "tools/scaling/model_profile.h"
#include "tools/scaling/results.h"

namespace convoy {

struct MeasureOptions {
  std::vector<int> counts = {1};  ///< of workers, ascending; the first ones of the run take part
  bool strong = false;            ///< the batch is divided among the workers
  int64_t batch = 0;              ///< of a worker, or (strong) of all; 0: the model's own
  int warmup = 3;                 ///< steps before, not timed
  int rounds = 5;                 ///< with and without communication in turn; at most `steps`
  int steps = 20;                 ///< timed steps of all rounds
  BucketOptions buckets;
  std::string bucket_plan;  ///< a file; empty: planned by `buckets`
  std::string timeline;     ///< a file for the steps of the largest count; empty: none
};

/// A worker's part of a model on a worker, with a batch of so many samples (0: the model's own).
using MakeModel = std::function<std::unique_ptr<Workload>(const Worker& worker, int64_t batch)>;

struct Measured {
  ScalingResults results;         ///< but for date and command
  ModelProfile profile;           ///< of one worker alone, or of one among the fewest there were
  bool timeline_complete = true;  ///< every worker could write its part of MeasureOptions::timeline
};

/// Collective over all workers of the run. Complete on worker 0.
/// Throws: Error on counts that the run does not have, or a batch that cannot be divided.
Measured Measure(Worker& worker, const MakeModel& make_model, const MeasureOptions& options);

}  // namespace convoy
