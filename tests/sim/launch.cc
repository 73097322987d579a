// Kernels: a launch's checks, and its blocks one after the other.
#include "tests/sim/launch.h"

#include <cstdint>
#include <utility>

#include "tests/sim/block.h"
#include "tests/sim/capture.h"
#include "tests/sim/event.h"
#include "tests/sim/state.h"

namespace convoy::sim {
namespace {

constexpr size_t kMaxSharedBytes = 227 << 10;

bool ValidShape(dim3 grid, dim3 block) {
  const uint64_t threads = uint64_t{block.x} * block.y * block.z;
  if (threads == 0 || threads > 1024 || block.z > 64) return false;
  if (grid.x == 0 || grid.y == 0 || grid.z == 0) return false;
  return grid.x <= 0x7fffffffu && grid.y <= 65535 && grid.z <= 65535;
}

}  // namespace

cudaError_t LaunchKernel(dim3 grid, dim3 block, size_t shared_bytes, cudaStream_t stream,
                         std::function<void()> thread) {
  if (const cudaError_t error = Enter("cudaLaunchKernel")) return Result(error);
  if (!ValidShape(grid, block)) return Result(cudaErrorInvalidConfiguration);
  if (shared_bytes > kMaxSharedBytes) return Result(cudaErrorInvalidValue);
  uint64_t seed = GetSettings().seed.load(std::memory_order_relaxed);
  return Result(Submit(stream, true, {OpKind::kWork, [=, thread = std::move(thread)] {
                                        RunGrid(grid, block, shared_bytes, seed, thread);
                                      }}));
}

}  // namespace convoy::sim
