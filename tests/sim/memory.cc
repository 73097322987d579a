// What the simulated runtime knows of addresses: device memory, pinned host memory, other memory.
#include "tests/sim/memory.h"

#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>

#include "tests/sim/state.h"

namespace convoy::sim {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;
constexpr size_t kAlignment = 256;
constexpr int kNanPattern = 0xff;  // in every type of floating point; -1 as an integer

struct Table {
  std::mutex mutex;  // locked by the host only
  std::map<const std::byte*, Range> ranges;
};

Table& GetTable() {
  static auto* const table = new Table;
  return *table;
}

cudaError_t Allocate(size_t bytes, Range range, void** to) {
  void* memory = nullptr;
  if (posix_memalign(&memory, kAlignment, bytes) != 0) return cudaErrorMemoryAllocation;
  std::memset(memory, kNanPattern, bytes);
  range.begin = static_cast<std::byte*>(memory);
  range.bytes = bytes;
  const std::lock_guard lock(GetTable().mutex);
  GetTable().ranges[range.begin] = range;
  *to = memory;
  return cudaSuccess;
}

}  // namespace

Range FindRange(const void* address) {
  const auto* at = static_cast<const std::byte*>(address);
  Table& table = GetTable();
  const std::lock_guard lock(table.mutex);
  auto found = table.ranges.upper_bound(at);
  if (found == table.ranges.begin()) return {};
  --found;
  return at < found->second.begin + found->second.bytes ? found->second : Range{};
}

cudaError_t AllocateDevice(int device, size_t bytes, void** to) {
  Device& it = GetDevice(device);
  if (it.used.fetch_add(bytes, kRelaxed) + bytes <= GetSettings().memory.load(kRelaxed)) {
    const cudaError_t error = Allocate(bytes, {.type = cudaMemoryTypeDevice, .device = device}, to);
    if (error == cudaSuccess) return error;
  }
  it.used.fetch_sub(bytes, kRelaxed);
  return cudaErrorMemoryAllocation;
}

cudaError_t AllocateHost(size_t bytes, int device, void** to) {
  return Allocate(bytes, {.type = cudaMemoryTypeHost, .device = device}, to);
}

cudaError_t RegisterHost(void* address, size_t bytes, int device) {
  const auto* begin = static_cast<std::byte*>(address);
  const Range range{begin, bytes, cudaMemoryTypeHost, device, true};
  Table& table = GetTable();
  const std::lock_guard lock(table.mutex);
  const auto after = table.ranges.lower_bound(begin);
  if (after != table.ranges.end() && after->first < begin + bytes) {
    return cudaErrorHostMemoryAlreadyRegistered;
  }
  table.ranges[begin] = range;
  return cudaSuccess;
}

Range Forget(const void* address, cudaMemoryType type) {
  Table& table = GetTable();
  const std::lock_guard lock(table.mutex);
  const auto found = table.ranges.find(static_cast<const std::byte*>(address));
  if (found == table.ranges.end() || found->second.type != type) return {};
  const Range range = found->second;
  table.ranges.erase(found);
  return range;
}

void Release(const Range& range) {
  auto* memory = const_cast<std::byte*>(range.begin);
  std::memset(memory, kNanPattern, range.bytes);
  if (range.type == cudaMemoryTypeDevice) {
    GetDevice(range.device).used.fetch_sub(range.bytes, kRelaxed);
  }
  std::free(memory);
}

}  // namespace convoy::sim
