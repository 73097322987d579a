// Where the workers of a measurement are, and whether their machines have the memory for it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "parallel/group/worker.h"
#include "tools/collectives/options.h"

namespace convoy::collectives {

struct WorkerPlace {
  std::string host;
  int pid = 0;
  std::string device;  ///< "cuda:1"
  int index = 0;       ///< of the device among those of its kind
  std::string model;   ///< "NVIDIA H200"
};

/// Of every worker, by rank. Collective.
std::vector<WorkerPlace> GatherPlaces(Worker& worker);

/// Bytes that programs may still use of this machine's memory, as the kernel reckons; -1 if it does
/// not say. `meminfo` is what /proc/meminfo holds.
int64_t AvailableBytes(std::string_view meminfo);

/// Bytes of host memory that a worker needs for its tensors of the largest size.
int64_t HostBytesNeeded(const CollectiveBenchOptions& options, int workers, bool on_gpu);

/// Throws: Error if the workers on this worker's machine need more host memory than it has left.
/// (A GPU says so itself when it is asked for the tensors.) Collective.
void CheckMemory(Worker& worker, const std::vector<WorkerPlace>& places,
                 const CollectiveBenchOptions& options);

}  // namespace convoy::collectives
