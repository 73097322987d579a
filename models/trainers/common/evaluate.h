// A worker's share of an evaluation.
#pragma once

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <vector>

#include "core/base/error.h"
#include "models/data/dataset.h"

namespace convoy {

/// Cuts `samples` samples spread evenly over `dataset` (all of it if there are no more) into chunks
/// and calls `f(inputs, targets)`, on `device`, for those of this shard: every shard.size-th. Which
/// samples there are and how they are cut does not depend on the number of workers.
template <typename F>
void ForMyChunks(const Dataset& dataset, DataShard shard, Device device, int64_t samples,
                 int64_t chunk, F&& f) {
  CONVOY_CHECK(shard.rank >= 0 && shard.rank < shard.size,
               "[evaluate] there is no part {} of {} parts", shard.rank, shard.size);
  const int64_t size = dataset.size();
  const int64_t count = std::min(samples, size);
  const Device cpu = device.is_cpu() ? device : Device::Cpu();
  for (int64_t begin = shard.rank * chunk; begin < count; begin += shard.size * chunk) {
    std::vector<int64_t> indices(static_cast<size_t>(std::min(chunk, count - begin)));
    std::iota(indices.begin(), indices.end(), begin);
    for (int64_t& index : indices) index = index * size / count;
    const Batch batch = dataset.Get(indices, cpu);
    f(batch.inputs.To(device), batch.targets.To(device));
  }
}

}  // namespace convoy
