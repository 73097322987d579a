// The memory pool of one GPU: memory of recorded graphs, and of streams that end.
#include <algorithm>

#include "core/base/error.h"
#include "core/cuda/pool_internal.h"

namespace convoy::cuda {

std::shared_ptr<Pool::Arena> Pool::BeginArena() {
  const std::lock_guard lock(mutex_);
  auto arena = std::make_shared<Arena>(*this);
  ++recordings_;
  recording_arena = arena.get();
  return arena;
}

void Pool::EndArena(const std::shared_ptr<Arena>& arena) {
  const std::lock_guard lock(mutex_);
  --recordings_;
  recording_arena = nullptr;
  // Nobody allocates from the arena any more, and events of a recording mean nothing outside it.
  ForEachBlock([&arena](Block& block) {
    if (block.arena == arena) block.ready.clear();
  });
}

// A whole segment of the pool's own, for an arena. Its memory may still be used by work that was
// given to its stream: the graph's first replay comes after that. A segment of over `most` bytes is
// left to others.
Pool::Block* Pool::TakeOver(Arena& arena, cudaStream_t stream, bool small, size_t bytes,
                            size_t most) {
  Block* best = nullptr;
  for (auto& [list, blocks] : own_->free) {
    if (list.second != small) continue;
    for (Block* block : blocks) {
      if (block->bytes < bytes || block->bytes > most) continue;
      if (block->before != nullptr || block->after != nullptr) continue;
      if (best == nullptr || block->bytes < best->bytes) best = block;
    }
  }
  if (best == nullptr) return nullptr;
  ListOf(*best).erase(best);
  for (std::shared_ptr<Event>& event : best->ready) arena.before_replay.push_back(std::move(event));
  best->ready.clear();
  auto event = std::make_shared<Event>(device_);
  event->Record(best->stream);
  arena.before_replay.push_back(std::move(event));
  best->stream = stream;
  best->arena = recording_arena->shared_from_this();
  stats_.recorded_bytes += static_cast<int64_t>(best->bytes);
  return best;
}

void Pool::BeforeReplay(Arena& arena, cudaStream_t stream) {
  const std::lock_guard lock(mutex_);
  for (const std::shared_ptr<Event>& event : arena.before_replay) {
    event->MakeWait(stream, "pool: taken over by a graph");
  }
  stats_.waits += static_cast<int64_t>(arena.before_replay.size());
  arena.before_replay.clear();
}

void Pool::Retire(const std::shared_ptr<Arena>& arena) noexcept {
  std::vector<void*> kept;
  {
    const std::lock_guard lock(mutex_);
    const cudaStream_t home = ComputeStream(device_);
    std::vector<Block*> free;
    ForEachBlock([&](Block& block) {
      if (block.arena != arena) return;
      // Without a replay, what the first one had to wait for is still to be waited for.
      block.ready.insert(block.ready.end(), arena->before_replay.begin(),
                         arena->before_replay.end());
      block.arena = own_;
      block.stream = home;
      stats_.recorded_bytes -= static_cast<int64_t>(block.bytes);
      if (!block.used && kCacheBlocks) free.push_back(&block);
    });
    arena->free.clear();
    arena->before_replay.clear();
    for (Block* block : free) ListOf(*block).insert(block);
    kept.swap(arena->kept);
  }
  for (void* pointer : kept) Free(pointer);
}

void Pool::StreamEnds(cudaStream_t stream) {
  const std::lock_guard lock(mutex_);
  std::shared_ptr<Event> event;
  const auto done = [&] {
    if (event == nullptr) {
      event = std::make_shared<Event>(device_);
      event->Record(stream);
    }
    return event;
  };
  const cudaStream_t compute = ComputeStream(device_);
  std::vector<Block*> free;
  ForEachBlock([&](Block& block) {
    const auto other = std::find(block.other_streams.begin(), block.other_streams.end(), stream);
    if (other != block.other_streams.end()) {
      block.other_streams.erase(other);
      block.ready.push_back(done());
    }
    if (block.stream != stream) return;
    if (!block.used && kCacheBlocks) {
      ListOf(block).erase(&block);
      free.push_back(&block);
    }
    // What a graph recorded on the stream, the stream itself has not done.
    if (block.arena == own_) block.ready.push_back(done());
    block.stream = compute;
  });
  for (Block* block : free) ListOf(*block).insert(block);
}

}  // namespace convoy::cuda
