// What one worker saw of a step, in numbers that workers can send to each other.
#pragma once

#include <chrono>
#include <cstddef>
#include <vector>

#include "parallel/group/worker.h"
#include "parallel/profile/step_profiler.h"

namespace convoy {

/// Times in milliseconds on one axis for all workers.
struct StepRecord {
  struct Bucket {
    double ready = 0;                     ///< its gradients were written
    double called = 0, returned = 0;      ///< around the call that started its sum
    double started = 0, ended = 0;        ///< of the sum, as this worker saw it
    double wait_begin = 0, wait_end = 0;  ///< around the wait for it
  };
  double begin = 0, backward = 0, optimizer = 0, end = 0;  ///< where the phases begin; the end
  std::vector<Bucket>
      buckets;  ///< what a worker that is alone has no time of is where it was ready
};

/// `step`, of a loop of forward, backward and optimizer. `zero`: where the axis begins, on this
/// worker's clock.
StepRecord ToRecord(const StepTimes& step, StepTimes::Time zero);

/// The records of all workers of the group, by rank: all[r][s]. Collective; every worker has
/// equally many steps and buckets.
std::vector<std::vector<StepRecord>> GatherRecords(Worker& worker,
                                                   const std::vector<StepRecord>& own);

}  // namespace convoy
