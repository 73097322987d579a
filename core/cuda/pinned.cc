// Page-locked host memory, from which a GPU copies while the host goes on.
#include "core/cuda/pinned.h"

#include <algorithm>
#include <bit>
#include <deque>
#include <map>
#include <mutex>

#include "core/base/error.h"
#include "core/cuda/capture_mode.h"
#include "core/cuda/check.h"
#include "core/cuda/device.h"

namespace convoy::cuda {
namespace {

constexpr size_t kSmallest = size_t{4} << 10;
// More is locked only if there is no cached buffer to wait for: a copy of gigabytes must not lock
// as much of the machine's memory.
constexpr int64_t kMostWithoutWaiting = int64_t{256} << 20;

struct Cached {
  std::byte* data;
  std::unique_ptr<Event> used;
};

struct Cache {
  std::mutex mutex;
  std::map<size_t, std::deque<Cached>> free;  // oldest first
  PinnedStats stats;
};

Cache& TheCache() {
  static Cache* cache = new Cache;  // tensors of static duration may outlive anything
  return *cache;
}

bool IsFree(const Cached& cached) {
  try {
    return cached.used == nullptr || cached.used->Done();
  } catch (const Error&) {
    return false;  // its GPU is lost, other GPUs go on
  }
}

std::byte* Lock(Device device, size_t bytes) {
  const DeviceGuard guard(device);
  const AllowInRecording allow;
  void* data = nullptr;
  const cudaError_t error = cudaHostAlloc(&data, bytes, cudaHostAllocPortable);
  if (error == cudaErrorMemoryAllocation) {
    cudaGetLastError();
    Fail("[CUDA] no host memory left to lock for copies: {} bytes wanted", bytes);
  }
  CONVOY_CUDA(error);
  return static_cast<std::byte*>(data);
}

}  // namespace

PinnedBuffer::PinnedBuffer(Device device, size_t bytes)
    : device_(device), bytes_(std::bit_ceil(std::max(bytes, kSmallest))) {
  Cache& cache = TheCache();
  std::unique_lock lock(cache.mutex);
  std::deque<Cached>& free = cache.free[bytes_];
  auto found = std::find_if(free.begin(), free.end(), IsFree);
  std::unique_ptr<Event> wait_for;
  if (found == free.end() && !free.empty() && cache.stats.bytes >= kMostWithoutWaiting) {
    found = free.begin();
    wait_for = std::move(found->used);
  }
  if (found != free.end()) {
    data_ = found->data;
    free.erase(found);
    lock.unlock();
    if (wait_for != nullptr) Synchronize(*wait_for);
    return;
  }
  data_ = Lock(device, bytes_);
  cache.stats.bytes += static_cast<int64_t>(bytes_);
  ++cache.stats.allocations;
}

PinnedBuffer::~PinnedBuffer() {
  if (data_ == nullptr) return;
  Cache& cache = TheCache();
  const std::lock_guard lock(cache.mutex);
  cache.free[bytes_].push_back({data_, std::move(used_)});
}

void PinnedBuffer::UsedBy(cudaStream_t stream) {
  used_ = std::make_unique<Event>(device_);
  used_->Record(stream);
}

PinnedStats GetPinnedStats() {
  Cache& cache = TheCache();
  const std::lock_guard lock(cache.mutex);
  return cache.stats;
}

}  // namespace convoy::cuda
