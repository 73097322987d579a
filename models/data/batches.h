// The batches of one epoch, dealt to the workers.
#pragma once

#include <cstdint>
#include <optional>

#include "models/data/batch_stream.h"
#include "models/data/dataset.h"

namespace convoy {

struct BatchOptions {
  int64_t batch_size = 32;  ///< global: samples per step over all workers
  int64_t epoch = 0;        ///< each has an order of its own
  int64_t first_batch = 0;  ///< to go on in the middle of an epoch: batches before it are left out
  uint64_t seed = 0;
  bool shuffle = true;     ///< else in the order of the data set
  bool drop_last = false;  ///< leave out a last batch that is not full
  /// Which part of every batch this worker gets; none: each worker has a part of its own.
  std::optional<DataShard> shard;
};

/// One epoch of a data set:
///
///     for (const auto& batch : Batches(train, worker, {.batch_size = 128, .epoch = epoch}))
///
/// One permutation of the whole data set, the same for any number of workers, is cut into global
/// batches, which are dealt to the workers as BatchStream says. The last batch of an epoch may be
/// short. The data set must outlive the range.
class Batches : public BatchStream {
 public:
  /// Throws: Error if the data set is smaller than a global batch, or that than the workers; or if
  /// the epoch has fewer than first_batch batches.
  Batches(const Dataset& dataset, const Worker& worker, const BatchOptions& options);
  Batches(const Dataset&& dataset, const Worker& worker, const BatchOptions& options) = delete;
};

}  // namespace convoy
