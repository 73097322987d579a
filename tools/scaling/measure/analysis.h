// Works out where the time of steps went, from every worker's records.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tools/scaling/measure/results.h"
#include "tools/scaling/measure/step_record.h"

namespace convoy::scaling {

struct BucketSize {
  std::string name;
  int64_t bytes = 0;
};

/// Fills in what a Measurement says of these steps: steps, step, split, buckets, by_worker,
/// slowest, timeline. `records[r][s]` is step s of rank r; steps follow each other without gaps in
/// rounds of `round_steps`.
///
/// - The allreduce of a bucket starts when the last worker has come to it and the allreduce before
///   it has ended everywhere; it ends when the last worker has its result.
/// - A worker that waits for a bucket waits for the slowest worker (`waiting`) until that one has
///   the bucket's gradients, and for communication (`exposed`) after that. The call that starts an
///   allreduce is exposed as well: in-process workers do the summing in it.
/// - A worker's compute time is its step less these waits and calls. So a slow worker is seen,
///   although the others wait as long as it computes.
void Analyse(const std::vector<std::vector<StepRecord>>& records,
             const std::vector<BucketSize>& buckets, int round_steps, Measurement& measurement);

/// The duration of every step, mean over workers: from its begin to that of the next step, or to
/// its own end if it is the last of a round.
std::vector<double> StepDurations(const std::vector<std::vector<StepRecord>>& records,
                                  int round_steps);

}  // namespace convoy::scaling
