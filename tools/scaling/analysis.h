// From what every worker saw of every step to where the time went.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tools/scaling/results.h"
#include "tools/scaling/step_record.h"

namespace convoy {

struct BucketSize {
  std::string name;
  int64_t bytes = 0;
};

/// `records[r][s]`: worker r's step s; steps follow each other without gaps in rounds of
/// `round_steps`. Fills in what a Measurement says of these steps: step, split, buckets, by_worker,
/// slowest, timeline.
///
/// - The sum of a bucket starts when the last worker has come to it and the sum before has ended
///   everywhere; it ends when the last worker has it.
/// - A worker that waits for a bucket waits for the slowest (`waiting`) until the last worker has
///   that bucket's gradients, and for communication (`exposed`) after that. What it does for a sum
///   itself, in the call that starts it (in-process workers sum in their own threads), is exposed
///   as well.
/// - A worker's compute time is what is left of its step without waits and sums: taken before each
///   sum, so that the slow worker is not hidden by the wait that it causes.
void Analyse(const std::vector<std::vector<StepRecord>>& records,
             const std::vector<BucketSize>& buckets, int round_steps, Measurement& measurement);

/// Of every step, over all workers: from its begin to that of the next one, or to its end at the
/// end of a round.
std::vector<double> StepDurations(const std::vector<std::vector<StepRecord>>& records,
                                  int round_steps);

}  // namespace convoy
