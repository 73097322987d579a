// When each bucket of a step is ready, summed and used: the order of events in DataParallel.
#pragma once

#include <cstdint>
#include <vector>

#include "parallel/data_parallel/bucket_plan.h"
#include "tools/scaling/model_profile.h"

namespace convoy {

/// A step to be scheduled. Times are in milliseconds.
struct StepLoad {
  struct Bucket {
    int64_t bytes = 0;
    double ready = 0;   ///< its last gradient on a worker that is on time, from backward's start
    double sum = 0;     ///< what its allreduce takes
    double update = 0;  ///< what the optimizer takes for it
  };
  double forward = 0;
  double backward = 0;
  std::vector<Bucket> buckets;  ///< in the order of their sums
  /// The optimizer measures the norm of all gradients first, as the bundled trainers do: no update
  /// starts before the last sum has ended.
  bool measures_norm = true;
  /// The cores that compute also sum, so that computing stands still meanwhile: nothing is hidden.
  bool sums_on_cores = false;
};

/// What becomes of it. Times of buckets are from the start of backward of a worker on time.
struct StepSchedule {
  struct Bucket {
    double ready = 0;  ///< on the slowest worker
    double start = 0;
    double end = 0;
    double exposed = 0;  ///< of end - start: while the slowest worker waited
  };
  std::vector<Bucket> buckets;
  double step = 0;
  double waiting = 0;        ///< of a worker on time for the slowest
  double exposed = 0;        ///< while the slowest worker waited for sums
  double communication = 0;  ///< all sums

  double hidden_share() const { return communication > 0 ? 1 - exposed / communication : 1; }
};

/// Schedules one step in which the slowest worker computes `slowest` times as long as one that is
/// on time. Sums run one after the other in index order, each when its bucket is ready on all
/// workers; a bucket is updated when it is summed, backward has ended, and the bucket before is
/// updated. All workers start the step together, since all have waited for the last sum of the one
/// before.
StepSchedule Schedule(const StepLoad& load, double slowest = 1);

/// The buckets of a profile, with no time for sums yet. `compute_scale` multiplies the times of
/// forward and backward.
StepLoad LoadOf(const ModelProfile& profile, const BucketPlan& plan, double compute_scale = 1);

}  // namespace convoy
