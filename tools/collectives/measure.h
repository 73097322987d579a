// Times one collective at one size, and compares what comes out with what has to.
#pragma once

#include <cstdint>
#include <optional>

#include "parallel/group/worker.h"
#include "tools/collectives/options.h"

namespace convoy::collectives {

/// What a size comes to, with nccl-tests' meanings.
struct Amount {
  int64_t bytes = 0;   ///< of the input or of the output, whichever is more
  int64_t count = 0;   ///< elements that the call is given: of a worker's part, if it has parts
  int64_t input = 0;   ///< elements
  int64_t output = 0;  ///< elements; 0: in place
};

/// The most of `kind` that is not more than `size_bytes`.
Amount AmountOf(CollectiveKind kind, DType dtype, int64_t size_bytes, int workers);

struct CollectiveTime {
  Amount amount;
  double seconds = 0;            ///< an iteration, of the worker that `time_of` asks for
  std::optional<int64_t> wrong;  ///< elements, on all workers; none: not checked
  DType dtype = DType::kF32;
  ReduceOp op = ReduceOp::kSum;
  bool average = false;

  /// Bytes over time, in 1e9 bytes a second; 0 if there is none.
  double algbw() const;
};

/// What algbw is multiplied with to tell how busy links are (busbw), whatever the number of workers
/// n: 2 (n - 1) / n for an allreduce, (n - 1) / n where each worker keeps a part, 1 for a
/// broadcast. (nccl-tests, doc/PERFORMANCE.md)
double BusFactor(CollectiveKind kind, int workers);

/// Collective. Allocates and frees the tensors; on a GPU the time is until the device is done.
CollectiveTime MeasureCollective(Worker& worker, const CollectiveBenchOptions& options,
                                 int64_t size_bytes);

}  // namespace convoy::collectives
