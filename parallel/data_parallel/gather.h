// Values of all workers on the host, for checks.
#pragma once

#include <cstdint>
#include <vector>

#include "core/tensor.h"
#include "parallel/group/worker.h"

namespace convoy {

/// The `mine` of every worker, one after the other in rank order; as many values on each.
/// Collective.
template <typename T>
std::vector<T> Gather(const Worker& worker, const std::vector<T>& mine) {
  const int64_t n = static_cast<int64_t>(mine.size());
  const Tensor input = Tensor::From<T>({n}, mine, worker.device());
  const Tensor output = Tensor::Empty({n * worker.world_size()}, input.options());
  worker.group().AllGather(input, output).Wait();
  return output.ToVector<T>();
}

}  // namespace convoy
