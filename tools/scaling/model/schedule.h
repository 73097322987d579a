// When each bucket of a step is ready, summed and updated: the order of events in DataParallel.
#pragma once

#include <cstdint>
#include <vector>

#include "parallel/data_parallel/bucket_plan.h"
#include "tools/scaling/measure/model_profile.h"

namespace convoy::scaling {

/// A step to be scheduled. Times are in milliseconds.
struct StepLoad {
  struct Bucket {
    int64_t bytes = 0;
    double ready = 0;   ///< when a worker on time has its last gradient, from backward's start
    double sum = 0;     ///< duration of its allreduce
    double update = 0;  ///< duration of its part of the optimizer's step
  };
  double forward = 0;
  double backward = 0;
  std::vector<Bucket> buckets;  ///< in the order of their allreduces
  /// The optimizer measures the norm of all gradients first, as the bundled trainers do: no update
  /// starts before the last allreduce has ended.
  bool measures_norm = true;
  /// The cores that compute also do the summing, so that no allreduce is hidden.
  bool sums_on_cores = false;
};

/// The schedule of a StepLoad. Times of buckets count from the start of backward on a worker on
/// time.
struct StepSchedule {
  struct Bucket {
    double ready = 0;  ///< when the slowest worker has its gradients
    double start = 0;
    double end = 0;
    double exposed = 0;  ///< the part of end - start in which the slowest worker waited
  };
  std::vector<Bucket> buckets;
  double step = 0;
  double waiting = 0;        ///< how long a worker on time waits for the slowest
  double exposed = 0;        ///< how long the slowest worker waits for allreduces
  double communication = 0;  ///< all allreduces

  double hidden_share() const { return communication > 0 ? 1 - exposed / communication : 1; }
};

/// Schedules one step in which the slowest worker computes `slowest` times as long as one that is
/// on time. Allreduces run one after the other in index order, each when its bucket is ready on all
/// workers; a bucket is updated when it is summed, backward has ended, and the bucket before it is
/// updated. All workers start the step together, since all have waited for the last allreduce of
/// the step before.
StepSchedule Schedule(const StepLoad& load, double slowest = 1);

/// The step of a profile with the buckets of `plan`; Bucket::sum is still 0. `compute_scale`
/// multiplies the times of forward and backward. Throws: Error if the plan does not fit the
/// profile.
StepLoad LoadOf(const ModelProfile& profile, const BucketPlan& plan, double compute_scale = 1);

}  // namespace convoy::scaling
