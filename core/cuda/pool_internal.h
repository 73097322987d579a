// What a memory pool is made of; for its own sources only.
#pragma once

#include "core/cuda/pool.h"

namespace convoy::cuda {

// AddressSanitizer, which the simulated device runs under, sees an overrun or a use after free only
// if every block is allocated and freed by itself.
#if defined(__SANITIZE_ADDRESS__)
inline constexpr bool kCacheBlocks = false;
#else
inline constexpr bool kCacheBlocks = true;
#endif

struct Pool::Block {
  char* pointer = nullptr;
  size_t bytes = 0;
  bool small = false;
  bool used = false;
  cudaStream_t stream = nullptr;
  std::shared_ptr<Arena> arena;
  Block* before = nullptr;  // its neighbours in the segment
  Block* after = nullptr;
  std::vector<cudaStream_t> other_streams;    // that use it too
  std::vector<std::shared_ptr<Event>> ready;  // to be waited for before it is used again
  MemoryPurpose purpose;
};

class Pool::Arena : public std::enable_shared_from_this<Pool::Arena> {
 public:
  explicit Arena(Pool& owner) : pool(owner) {}

  Pool& pool;
  std::map<List, FreeBlocks> free;
  std::vector<void*> kept;                            // blocks of others, freed while recording
  std::vector<std::shared_ptr<Event>> before_replay;  // to be waited for by a graph's first replay
};

/// What this thread's allocations come from; null: from the pool itself.
inline thread_local Pool::Arena* recording_arena = nullptr;

}  // namespace convoy::cuda
