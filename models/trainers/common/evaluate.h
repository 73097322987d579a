// A worker's share of an evaluation.
#pragma once

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <vector>

#include "models/data/dataset.h"
#include "parallel/group/worker.h"

namespace convoy {

/// Cuts `samples` samples spread evenly over `dataset` (all of it if there are no more) into chunks
/// and calls `f(inputs, targets)` for those of this worker: every world_size-th. Which samples
/// there are and how they are cut does not depend on the number of workers.
template <typename F>
void ForMyChunks(const Dataset& dataset, const Worker& worker, int64_t samples, int64_t chunk,
                 F&& f) {
  const int64_t size = dataset.size();
  const int64_t count = std::min(samples, size);
  const Device cpu = worker.device().is_cpu() ? worker.device() : Device::Cpu();
  for (int64_t begin = worker.rank() * chunk; begin < count; begin += worker.world_size() * chunk) {
    std::vector<int64_t> indices(static_cast<size_t>(std::min(chunk, count - begin)));
    std::iota(indices.begin(), indices.end(), begin);
    for (int64_t& index : indices) index = index * size / count;
    const Batch batch = dataset.Get(indices, cpu);
    f(batch.inputs.To(worker.device()), batch.targets.To(worker.device()));
  }
}

}  // namespace convoy
