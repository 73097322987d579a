// Runs the threads of one block as cooperative fibers on the calling system thread.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>
#include <functional>

namespace convoy::sim {

/// Runs `thread` for each thread of block `block`. The fibers take turns in an order that `seed`
/// decides, and change at barriers and warp exchanges only, so a kernel that relies on lanes being
/// in lock-step gives wrong answers. Shared memory is filled with a pattern that reads as NaN.
/// Aborts the process, saying why, if the threads wait at barriers that not all can reach.
void RunBlock(dim3 grid, dim3 block_size, uint3 block, size_t shared_bytes, uint64_t seed,
              const std::function<void()>& thread);

/// RunBlock for all blocks of a grid, in an order that `seed` decides.
void RunGrid(dim3 grid, dim3 block_size, size_t shared_bytes, uint64_t seed,
             const std::function<void()>& thread);

}  // namespace convoy::sim
