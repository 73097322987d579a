// The memory pool of one GPU: stream-ordered, caching, without a call of the driver once it is
// warm.
//
// Memory comes from the driver in large segments, which are split into blocks and merged again.
// Every block has a home stream, the one it was allocated for: work of that stream may use it as
// soon as it is free, since it comes after the work that used it before. Other streams wait for an
// event first. Blocks of an arena (one per recorded graph, beside the pool's own) stay in it.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/backend.h"
#include "core/cuda/stream.h"
#include "core/memory_label.h"

namespace convoy::cuda {

struct PoolStats {
  MemoryStats memory;
  int64_t segments = 0;            ///< pieces that the driver has given
  int64_t driver_allocations = 0;  ///< cudaMalloc so far
  int64_t driver_frees = 0;        ///< cudaFree so far
  int64_t waits = 0;               ///< event waits that reuse has cost so far
  int64_t recorded_bytes = 0;      ///< reserved for recorded graphs; part of reserved_bytes
  int64_t largest_free_bytes = 0;  ///< of the pool's own free blocks
};

class Pool {
 public:
  class Arena;

  explicit Pool(Device device);

  /// Throws: Error with what is in use, cached and free, and the largest holders.
  void* Allocate(size_t bytes, cudaStream_t stream);
  void Free(void* pointer) noexcept;
  /// `stream`, not the block's own, has been given work that uses it.
  void RecordUse(void* pointer, cudaStream_t stream);
  /// Called before a stream is destroyed: what was waiting for its work waits for an event instead.
  void StreamEnds(cudaStream_t stream);

  PoolStats Stats();
  void ResetPeak();
  /// Gives segments without a block in use back to the driver, unless a graph is being recorded.
  void ReleaseCached();

  /// From now on this thread's allocations come from a new arena, which nobody else gets, and
  /// older blocks that it frees are kept: kernels that are recorded may use them.
  std::shared_ptr<Arena> BeginArena();
  void EndArena(const std::shared_ptr<Arena>& arena);
  /// Makes `stream` wait until memory that the arena took over from the pool is free to use.
  void BeforeReplay(Arena& arena, cudaStream_t stream);
  /// The graph is gone, and the compute stream comes after its last replay: its memory is the
  /// pool's again.
  void Retire(const std::shared_ptr<Arena>& arena) noexcept;

 private:
  struct Block;
  struct SmallerFirst {
    bool operator()(const Block* a, const Block* b) const;
  };
  using FreeBlocks = std::set<Block*, SmallerFirst>;
  using List = std::pair<cudaStream_t, bool>;  // home stream; whether the segment is for small ones

  Block* Find(Arena& arena, cudaStream_t stream, bool small, size_t bytes);
  Block* FindElsewhere(Arena& arena, cudaStream_t stream, bool small, size_t bytes);
  Block* TakeOver(Arena& arena, cudaStream_t stream, bool small, size_t bytes, size_t most);
  Block* NewSegment(Arena& arena, cudaStream_t stream, bool small, size_t bytes);
  void Split(Block* block, size_t bytes);
  Block* MergeWithNeighbours(Block* block);
  FreeBlocks& ListOf(const Block& block);
  void ForEachBlock(const std::function<void(Block&)>& f);
  void FreeLocked(Block* block);
  void ReleaseLocked();
  void DropDoomedLocked();
  void DeleteSegment(Block* only);
  void MakeReady(Block& block, cudaStream_t stream, const char* site);
  [[noreturn]] void FailOutOfMemory(size_t bytes);

  const Device device_;
  std::mutex mutex_;
  std::unordered_map<void*, Block*> used_;
  std::set<Block*> segments_;  // the first block of each
  std::shared_ptr<Arena> own_;
  std::vector<Block*> doomed_;  // under AddressSanitizer: to be freed when their events are done
  int recordings_ = 0;          // arenas that are being filled
  PoolStats stats_;
};

/// The pool of a GPU; lives until the process ends.
Pool& PoolOf(Device device);

}  // namespace convoy::cuda
