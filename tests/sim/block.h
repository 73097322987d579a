// Runs the blocks of a kernel, their threads as cooperative fibers on the calling system thread.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>
#include <functional>

namespace convoy::sim {

/// Runs `thread` for each thread of each block of the grid. `seed` decides the order of the blocks,
/// and in which order the threads of a block take turns. They change at barriers and warp exchanges
/// only, so a kernel that relies on lanes being in lock-step gives wrong answers. Shared memory is
/// filled with a pattern that reads as NaN. Aborts the process, saying why, if the threads wait at
/// barriers that not all can reach.
void RunGrid(dim3 grid, dim3 block_size, size_t shared_bytes, uint64_t seed,
             const std::function<void()>& thread);

}  // namespace convoy::sim
