// What one worker saw of a step, in numbers that workers can send to each other.
#pragma once

#include <chrono>
#include <cstddef>
#include <vector>

#include "parallel/group/worker.h"
#include "parallel/profile/step_profiler.h"

namespace convoy::scaling {

/// Times in milliseconds, on one time axis for all workers.
struct StepRecord {
  struct Bucket {
    double ready = 0;                     ///< when its last gradient was written
    double called = 0, returned = 0;      ///< around the call that started its allreduce
    double started = 0, ended = 0;        ///< of the allreduce, as this worker saw it
    double wait_begin = 0, wait_end = 0;  ///< around the wait for its allreduce
  };
  double begin = 0, backward = 0, optimizer = 0, end = 0;  ///< of the phases, and of the step
  /// Without an allreduce, on a single worker, all times of a bucket are `ready`.
  std::vector<Bucket> buckets;
};

/// Converts `step`, which has a forward, a backward and an optimizer phase. `zero` is where the
/// time axis begins, on this worker's clock.
StepRecord ToRecord(const StepTimes& step, StepTimes::Time zero);

/// Gathers the records of all workers of the group: result[r][s] is step s of rank r. Collective;
/// every worker must have equally many steps and buckets. Throws: Error if there is no step.
std::vector<std::vector<StepRecord>> GatherRecords(Worker& worker,
                                                   const std::vector<StepRecord>& own);

}  // namespace convoy::scaling
