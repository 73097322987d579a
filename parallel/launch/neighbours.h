// Which processes of a job share a machine, and its cores.
#pragma once

#include <optional>

#include "parallel/store/store.h"

namespace convoy::launch {

/// This process among those of the job on its machine.
struct Neighbours {
  int local_rank = 0;
  int local_size = 1;
  int sharing_cores = 1;  ///< how many of them, with this one, may run on the same cores
  int cores = 1;          ///< on which at least one of them may run, within the CPU quota
  /// The first process that is in another network namespace than this one, or on another machine;
  /// none: all reach each other at 127.0.0.1.
  std::optional<int> first_remote_rank;
};

/// Collective over the job: worker 0 collects what all say of themselves, and tells all. Throws:
/// Error if a process does not answer in time.
Neighbours FindNeighbours(store::Store& store, int rank, int size, double timeout_s);

}  // namespace convoy::launch
