// The CPU backend: a caching aligned allocator per cpu:K, and parallel copies.
#include "core/cpu_backend.h"

#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <new>
#include <vector>

#include "core/base/cores.h"
#include "core/base/error.h"
#include "core/threads.h"

namespace convoy {
namespace {

constexpr size_t kAlignment = 64;
constexpr size_t kHugePage = size_t{2} << 20;
constexpr int64_t kMinCache = int64_t{64} << 20;

// AddressSanitizer sees an overrun or a use after free only if every block is really allocated
// and freed.
#if defined(__SANITIZE_ADDRESS__)
constexpr bool kCache = false;
#else
constexpr bool kCache = true;
#endif

// Rounds up to one of four sizes per power of two, so that blocks are reused by tensors of nearly
// the same size and at most a fifth is lost.
size_t BlockBytes(size_t bytes) {
  if (!kCache) return std::max(bytes, size_t{1});
  if (bytes <= kAlignment) return kAlignment;
  const size_t quarter = std::max(std::bit_floor(bytes - 1) / 4, kAlignment);
  return (bytes + quarter - 1) / quarter * quarter;
}

// Free blocks of one size. Each holds the address of the next one: to give memory back takes none,
// which matters most when there is no more.
class FreeList {
 public:
  size_t size() const { return size_; }

  void Push(void* block) noexcept {
    *static_cast<void**>(block) = first_;
    first_ = block;
    ++size_;
  }

  void* Pop() noexcept {
    void* const block = first_;
    first_ = *static_cast<void**>(block);
    --size_;
    return block;
  }

 private:
  void* first_ = nullptr;
  size_t size_ = 0;
};

// Each step allocates the same sizes in the same order, so a free list per size is enough.
class CachingAllocator {
 public:
  ~CachingAllocator() { ReleaseCached(); }

  void* Allocate(Device device, size_t bytes) {
    const size_t block = BlockBytes(bytes);
    const std::lock_guard lock(mutex_);
    void* pointer = nullptr;
    if (FreeList& cached = ListOf(device, block); cached.size() > 0) {
      pointer = cached.Pop();
      ++stats_.cache_hits;
    } else {
      pointer = FromSystem(device, block);
      stats_.reserved_bytes += static_cast<int64_t>(block);
    }
    ++stats_.allocations;
    stats_.current_bytes += static_cast<int64_t>(block);
    stats_.peak_bytes = std::max(stats_.peak_bytes, stats_.current_bytes);
    highest_bytes_ = std::max(highest_bytes_, stats_.current_bytes);
    return pointer;
  }

  void Free(void* pointer, size_t bytes) noexcept {
    const size_t block = BlockBytes(bytes);
    const std::lock_guard lock(mutex_);
    stats_.current_bytes -= static_cast<int64_t>(block);
    if (kCache) {
      free_.find(block)->second.Push(pointer);  // made when the block was allocated
    } else {
      std::free(pointer);
      stats_.reserved_bytes -= static_cast<int64_t>(block);
    }
  }

  MemoryStats Stats() {
    const std::lock_guard lock(mutex_);
    return stats_;
  }

  void ResetPeak() {
    const std::lock_guard lock(mutex_);
    stats_.peak_bytes = stats_.current_bytes;
  }

  void ReleaseCached() {
    const std::lock_guard lock(mutex_);
    ReleaseCachedLocked();
  }

 private:
  void ReleaseCachedLocked() {
    for (auto& [block, list] : free_) {
      stats_.reserved_bytes -= static_cast<int64_t>(block * list.size());
      while (list.size() > 0) std::free(list.Pop());
    }
  }

  FreeList& ListOf(Device device, size_t block) {
    try {
      return free_[block];
    } catch (const std::bad_alloc&) {
      FailFull(device, block);
    }
  }

  [[noreturn]] void FailFull(Device device, size_t block) const {
    Fail(
        "[Allocate] {} is out of memory: {} bytes wanted, {} in use by tensors. Use a smaller "
        "batch or more micro-batches",
        device.ToString(), block, stats_.current_bytes);
  }

  void* FromSystem(Device device, size_t block) {
    // A program whose sizes keep changing would otherwise leave blocks behind for ever.
    if (stats_.reserved_bytes - stats_.current_bytes > std::max(highest_bytes_, kMinCache)) {
      ReleaseCachedLocked();
    }
    const size_t alignment = block >= kHugePage ? kHugePage : kAlignment;
    const size_t padded = (block + alignment - 1) / alignment * alignment;
    void* pointer = padded >= block ? std::aligned_alloc(alignment, padded) : nullptr;
    if (pointer == nullptr) {
      ReleaseCachedLocked();
      pointer = padded >= block ? std::aligned_alloc(alignment, padded) : nullptr;
    }
    if (pointer == nullptr) FailFull(device, block);
#if defined(MADV_HUGEPAGE)
    if (block >= kHugePage) madvise(pointer, padded, MADV_HUGEPAGE);
#endif
    return pointer;
  }

  std::mutex mutex_;
  std::map<size_t, FreeList> free_;
  MemoryStats stats_;
  int64_t highest_bytes_ = 0;  // as stats_.peak_bytes, never reset
};

class CpuBackend final : public Backend {
 public:
  int DeviceCount(std::string* /*why*/) override { return AvailableCores(); }
  std::string Describe(Device /*device*/) override { return "CPU"; }
  int64_t HostWaits() override { return 0; }
  void Synchronize(Device /*device*/) override {}  // work is done when a call returns

  void* Allocate(Device device, size_t bytes) override {
    return AllocatorOf(device).Allocate(device, bytes);
  }
  void Free(Device device, void* pointer, size_t bytes) noexcept override {
    AllocatorOf(device).Free(pointer, bytes);
  }
  MemoryStats Stats(Device device) override { return AllocatorOf(device).Stats(); }
  void ResetPeak(Device device) override { AllocatorOf(device).ResetPeak(); }
  void ReleaseCached(Device device) override { AllocatorOf(device).ReleaseCached(); }

  void Copy(Device to_device, void* to, Device, const void* from, size_t bytes) override {
    ParallelFor(
        to_device, static_cast<int64_t>(bytes), kGrainBytes, [&](int64_t begin, int64_t end) {
          std::memcpy(static_cast<char*>(to) + begin, static_cast<const char*>(from) + begin,
                      static_cast<size_t>(end - begin));
        });
  }

  std::unique_ptr<HostCopy> StartCopyToHost(Device, const void* from, size_t bytes) override {
    class Copied final : public HostCopy {
     public:
      Copied(const void* from, size_t bytes)
          : bytes_(static_cast<const std::byte*>(from),
                   static_cast<const std::byte*>(from) + bytes) {}
      bool Done() override { return true; }
      const void* Wait() override { return bytes_.data(); }

     private:
      std::vector<std::byte> bytes_;
    };
    return std::make_unique<Copied>(from, bytes);
  }

  void Zero(Device device, void* to, size_t bytes) override {
    ParallelFor(device, static_cast<int64_t>(bytes), kGrainBytes, [&](int64_t begin, int64_t end) {
      std::memset(static_cast<char*>(to) + begin, 0, static_cast<size_t>(end - begin));
    });
  }

  void Fill(Device device, void* to, DType dtype, double value, int64_t numel) override {
    DispatchAll(dtype, [&]<typename T>(T) {
      const T element = static_cast<T>(static_cast<ComputeType<T>>(value));
      ParallelFor(device, numel, kGrainBytes / 4, [&](int64_t begin, int64_t end) {
        std::fill(static_cast<T*>(to) + begin, static_cast<T*>(to) + end, element);
      });
    });
  }

  void AddInto(Device device, void* to, const void* from, DType dtype, int64_t numel) override {
    DispatchFloating(dtype, "AddInto", [&]<typename T>(T) {
      T* out = static_cast<T*>(to);
      const T* in = static_cast<const T*>(from);
      using C = ComputeType<T>;
      ParallelFor(device, numel, kGrainBytes / 4, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
          out[i] = static_cast<T>(static_cast<C>(out[i]) + static_cast<C>(in[i]));
        }
      });
    });
  }

  std::unique_ptr<Recording> Record(Device device, const std::function<void()>&) override {
    Fail("[Record] {} cannot record its work: only GPUs have graphs", device.ToString());
  }

 private:
  static constexpr int64_t kGrainBytes = 64 << 10;

  CachingAllocator& AllocatorOf(Device device) {
    const size_t index = static_cast<size_t>(device.index);
    if (index < kInline) return inline_[index];
    const std::lock_guard lock(mutex_);
    std::unique_ptr<CachingAllocator>& slot = more_[index];
    if (!slot) slot = std::make_unique<CachingAllocator>();
    return *slot;
  }

  static constexpr size_t kInline = 64;
  CachingAllocator inline_[kInline];
  std::mutex mutex_;
  std::map<size_t, std::unique_ptr<CachingAllocator>> more_;
};

}  // namespace

Backend& GetCpuBackend() {
  static CpuBackend* backend = new CpuBackend;  // tensors of static duration may outlive anything
  return *backend;
}

}  // namespace convoy
