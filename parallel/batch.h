// The part of a global batch that a worker computes.
#pragma once

#include <optional>

#include "core/tensor.h"
#include "parallel/group/worker.h"

namespace convoy {

/// Samples and their targets: a whole batch, or a worker's part of a global one.
struct Batch {
  Tensor inputs;
  Tensor targets;
  /// What this part weighs in the loss of the global batch: its samples over all samples. 0 if the
  /// worker computes a sample that does not count, since it has none of its own. Batches and
  /// TextBatches set it; set it yourself if you cut a batch into parts.
  double share = 1;
};

/// Which part of every global batch a worker gets: part `rank` of `size`. Workers that compute one
/// part together have the same shard.
struct DataShard {
  int rank = 0;
  int size = 1;
};

/// The shard that `options` name or, if they name none, one for this worker alone: its rank of all
/// workers.
inline DataShard ShardOf(const Worker& worker, const std::optional<DataShard>& options = {}) {
  return options.value_or(DataShard{worker.rank(), worker.world_size()});
}

}  // namespace convoy
