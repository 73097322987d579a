// What a Backward of DataParallel did, in numbers.
#pragma once

#include <cstdint>
#include <vector>

namespace convoy {

/// What the last reduced Backward did on this worker, as far as it is known when asked: complete
/// once all gradients have been read, as by an optimizer's Step. On a GPU all times but `comm_ms`
/// are those of the host, which only starts the work.
struct StepStats {
  struct Bucket {
    int64_t bytes = 0;
    double ready_ms = 0;  ///< from the start of backward to the bucket's last gradient
    double comm_ms = 0;   ///< from the moment the last worker joined to the sum being in place; on
                          ///< a GPU from the moment this worker's part was ready, on the device's
                          ///< clock, and 0 until it is in place or if the step was recorded
  };
  std::vector<Bucket> buckets;
  int64_t bytes = 0;           ///< all buckets
  double backward_ms = 0;      ///< the whole call, in which sums are started
  double exposed_comm_ms = 0;  ///< waiting for sums, and for values that other workers have
                               ///< updated, that were not there yet when they were needed: in Step
                               ///< or grad(), after backward_ms
};

}  // namespace convoy
