// The memory pool of one GPU: stream-ordered, caching, without a call of the driver once it is
// warm.
#include "core/cuda/pool.h"

#include <algorithm>

#include "core/base/error.h"
#include "core/cuda/capture_mode.h"
#include "core/cuda/check.h"
#include "core/cuda/device.h"
#include "core/cuda/pool_internal.h"

namespace convoy::cuda {
namespace {

// Sizes, in bytes. Blocks are multiples of kAlignment. Requests up to kSmall share segments of
// kSmallSegment, so that they do not cut up the others; requests up to kMedium share segments of
// kMediumSegment; larger ones get a segment of their own size, rounded up.
constexpr size_t kAlignment = 512;
constexpr size_t kSmall = size_t{1} << 20;
constexpr size_t kSmallSegment = size_t{2} << 20;
constexpr size_t kMedium = size_t{10} << 20;
constexpr size_t kMediumSegment = size_t{20} << 20;
constexpr size_t kLargeRounding = size_t{2} << 20;

size_t RoundUp(size_t bytes, size_t to) { return (bytes + to - 1) / to * to; }

size_t BlockBytes(size_t bytes) {
  return kCacheBlocks ? std::max(RoundUp(bytes, kAlignment), kAlignment)
                      : std::max(bytes, size_t{1});
}

size_t SegmentBytes(size_t bytes, bool small) {
  if (!kCacheBlocks) return bytes;
  if (small) return kSmallSegment;
  return bytes < kMedium ? kMediumSegment : RoundUp(bytes, kLargeRounding);
}

}  // namespace

bool Pool::SmallerFirst::operator()(const Block* a, const Block* b) const {
  return a->bytes != b->bytes ? a->bytes < b->bytes : a->pointer < b->pointer;
}

Pool::Pool(Device device) : device_(device), own_(std::make_shared<Arena>(*this)) {}

Pool::FreeBlocks& Pool::ListOf(const Block& block) {
  return block.arena->free[{block.stream, block.small}];
}

void Pool::ForEachBlock(const std::function<void(Block&)>& f) {
  for (Block* first : segments_) {
    for (Block* block = first; block != nullptr; block = block->after) f(*block);
  }
}

void* Pool::Allocate(size_t wanted, cudaStream_t stream) {
  const size_t bytes = BlockBytes(wanted);
  const bool small = bytes <= kSmall;
  const std::lock_guard lock(mutex_);
  DropDoomedLocked();
  const bool recording = recording_arena != nullptr && &recording_arena->pool == this;
  Arena& arena = recording ? *recording_arena : *own_;
  Block* block = Find(arena, stream, small, bytes);
  if (block == nullptr && recording)
    block = TakeOver(arena, stream, small, bytes, 2 * SegmentBytes(bytes, small));
  const bool cached = block != nullptr;
  if (!cached) block = NewSegment(arena, stream, small, SegmentBytes(bytes, small));
  if (block == nullptr) block = FindElsewhere(arena, stream, small, bytes);
  if (block == nullptr) {
    ReleaseLocked();
    block = NewSegment(arena, stream, small, SegmentBytes(bytes, small));
  }
  if (block == nullptr) block = NewSegment(arena, stream, small, bytes);
  if (block == nullptr) FailOutOfMemory(wanted);

  MakeReady(*block, stream, "pool: used by another stream");
  Split(block, bytes);
  block->used = true;
  block->purpose = CurrentMemoryPurpose();
  used_.emplace(block->pointer, block);
  ++stats_.memory.allocations;
  stats_.memory.cache_hits += cached;
  stats_.memory.current_bytes += static_cast<int64_t>(block->bytes);
  stats_.memory.peak_bytes = std::max(stats_.memory.peak_bytes, stats_.memory.current_bytes);
  return block->pointer;
}

// The smallest free block that is large enough, off its list.
Pool::Block* Pool::Find(Arena& arena, cudaStream_t stream, bool small, size_t bytes) {
  const auto list = arena.free.find({stream, small});
  if (list == arena.free.end()) return nullptr;
  Block wanted;
  wanted.bytes = bytes;
  const auto found = list->second.lower_bound(&wanted);
  if (found == list->second.end()) return nullptr;
  Block* block = *found;
  list->second.erase(found);
  return block;
}

// A block of another stream: `stream` then waits for all that the other one has been given so far.
// Only when the driver has no more memory, since the wait may cost time.
Pool::Block* Pool::FindElsewhere(Arena& arena, cudaStream_t stream, bool small, size_t bytes) {
  Block* best = nullptr;
  for (const bool from_small : {small, !small}) {
    for (auto& [list, blocks] : arena.free) {
      if (list.second != from_small) continue;
      Block wanted;
      wanted.bytes = bytes;
      const auto found = blocks.lower_bound(&wanted);
      if (found != blocks.end() && (best == nullptr || (*found)->bytes < best->bytes)) {
        best = *found;
      }
    }
    if (best != nullptr) break;
  }
  if (best == nullptr) return nullptr;
  ListOf(*best).erase(best);
  if (best->stream != stream) {
    Event event(device_);
    event.Record(best->stream);
    event.MakeWait(stream, "pool: of another stream");
    ++stats_.waits;
    best->stream = stream;
  }
  return best;
}

Pool::Block* Pool::NewSegment(Arena& arena, cudaStream_t stream, bool small, size_t bytes) {
  void* pointer = nullptr;
  {
    const DeviceGuard guard(device_);
    const AllowInRecording allow;
    const cudaError_t error = cudaMalloc(&pointer, bytes);
    if (error == cudaErrorMemoryAllocation) {
      cudaGetLastError();
      return nullptr;
    }
    CONVOY_CUDA(error);
  }
  auto block = std::make_unique<Block>();
  block->pointer = static_cast<char*>(pointer);
  block->bytes = bytes;
  block->small = small;
  block->stream = stream;
  block->arena = arena.shared_from_this();
  segments_.insert(block.get());
  ++stats_.driver_allocations;
  ++stats_.segments;
  stats_.memory.reserved_bytes += static_cast<int64_t>(bytes);
  if (&arena != own_.get()) stats_.recorded_bytes += static_cast<int64_t>(bytes);
  return block.release();
}

// Makes the block `bytes` long, the rest a free block, unless the rest is too small to be of use.
void Pool::Split(Block* block, size_t bytes) {
  const size_t rest = block->bytes - bytes;
  if (rest < kAlignment || (!block->small && rest <= kSmall)) return;
  auto* after = new Block(*block);
  after->pointer += bytes;
  after->bytes = rest;
  after->before = block;
  if (after->after != nullptr) after->after->before = after;
  block->after = after;
  block->bytes = bytes;
  ListOf(*after).insert(after);
}

Pool::Block* Pool::MergeWithNeighbours(Block* block) {
  const auto fits = [block](const Block* other) {
    return other != nullptr && !other->used && other->arena == block->arena &&
           other->stream == block->stream;
  };
  const auto append = [this](Block* first, Block* second) {
    first->bytes += second->bytes;
    first->after = second->after;
    if (first->after != nullptr) first->after->before = first;
    first->ready.insert(first->ready.end(), second->ready.begin(), second->ready.end());
    delete second;
  };
  if (fits(block->after)) {
    ListOf(*block->after).erase(block->after);
    append(block, block->after);
  }
  if (fits(block->before)) {
    Block* first = block->before;
    ListOf(*first).erase(first);
    append(first, block);
    return first;
  }
  return block;
}

void Pool::MakeReady(Block& block, cudaStream_t stream, const char* site) {
  for (const std::shared_ptr<Event>& event : block.ready) event->MakeWait(stream, site);
  stats_.waits += static_cast<int64_t>(block.ready.size());
  block.ready.clear();
}

void Pool::Free(void* pointer) noexcept {
  const std::lock_guard lock(mutex_);
  const auto found = used_.find(pointer);
  if (found == used_.end()) return;
  Block* block = found->second;
  if (recording_arena != nullptr && &recording_arena->pool == this &&
      (!kCacheBlocks || block->arena.get() != recording_arena)) {
    recording_arena->kept.push_back(pointer);
    return;
  }
  used_.erase(found);
  FreeLocked(block);
}

void Pool::FreeLocked(Block* block) {
  stats_.memory.current_bytes -= static_cast<int64_t>(block->bytes);
  block->used = false;
  try {
    if (!kCacheBlocks) block->other_streams.push_back(block->stream);
    for (const cudaStream_t stream : block->other_streams) {
      auto event = std::make_shared<Event>(device_);
      event->Record(stream);
      block->ready.push_back(std::move(event));
    }
  } catch (const Error&) {
    return;  // the device is lost: nobody will use the block again
  }
  block->other_streams.clear();
  if (!kCacheBlocks) {
    doomed_.push_back(block);
    return;
  }
  block = MergeWithNeighbours(block);
  ListOf(*block).insert(block);
}

void Pool::DropDoomedLocked() {
  if (recordings_ > 0) return;
  const auto done = [this](Block* block) {
    const bool all = std::all_of(block->ready.begin(), block->ready.end(),
                                 [](const std::shared_ptr<Event>& event) { return event->Done(); });
    if (all) DeleteSegment(block);
    return all;
  };
  doomed_.erase(std::remove_if(doomed_.begin(), doomed_.end(), done), doomed_.end());
}

void Pool::RecordUse(void* pointer, cudaStream_t stream) {
  const std::lock_guard lock(mutex_);
  const auto found = used_.find(pointer);
  CONVOY_CHECK(found != used_.end(), "[CUDA] RecordUse of memory that is not the pool's");
  Block& block = *found->second;
  if (block.stream == stream) return;
  auto& streams = block.other_streams;
  if (std::find(streams.begin(), streams.end(), stream) == streams.end()) streams.push_back(stream);
}

void Pool::DeleteSegment(Block* only) {
  const DeviceGuard guard(device_);
  cudaFree(only->pointer);
  segments_.erase(only);
  stats_.memory.reserved_bytes -= static_cast<int64_t>(only->bytes);
  --stats_.segments;
  ++stats_.driver_frees;
  delete only;
}

void Pool::ReleaseLocked() {
  if (recordings_ > 0) return;  // the driver would wait for the device, which a recording forbids
  for (auto& [list, blocks] : own_->free) {
    for (auto it = blocks.begin(); it != blocks.end();) {
      Block* block = *it;
      const bool whole = block->before == nullptr && block->after == nullptr;
      it = whole ? blocks.erase(it) : std::next(it);
      if (whole) DeleteSegment(block);
    }
  }
}

void Pool::ReleaseCached() {
  const std::lock_guard lock(mutex_);
  ReleaseLocked();
}

void Pool::ResetPeak() {
  const std::lock_guard lock(mutex_);
  stats_.memory.peak_bytes = stats_.memory.current_bytes;
}

PoolStats Pool::Stats() {
  const std::lock_guard lock(mutex_);
  PoolStats stats = stats_;
  for (const auto& [list, blocks] : own_->free) {
    if (blocks.empty()) continue;
    stats.largest_free_bytes =
        std::max(stats.largest_free_bytes, static_cast<int64_t>((*blocks.rbegin())->bytes));
  }
  return stats;
}

}  // namespace convoy::cuda
