// The memory pool of one GPU: what it says when there is no more memory.
#include <algorithm>

#include "core/base/error.h"
#include "core/cuda/device.h"
#include "core/cuda/pool_internal.h"

namespace convoy::cuda {
namespace {

constexpr size_t kMostHolders = 6;

std::string Amount(int64_t bytes) {
  constexpr double kMiB = 1 << 20;
  const double mib = static_cast<double>(bytes) / kMiB;
  if (mib >= 1024) return fmt::format("{:.2f} GiB", mib / 1024);
  if (mib >= 1) return fmt::format("{:.1f} MiB", mib);
  return fmt::format("{} bytes", bytes);
}

std::string Name(const MemoryPurpose& purpose) {
  if (purpose.what == nullptr) return "unnamed";
  return purpose.backward ? fmt::format("backward of {}", purpose.what) : purpose.what;
}

}  // namespace

void Pool::FailOutOfMemory(size_t wanted) {
  std::map<std::string, int64_t> by_name;
  ForEachBlock([&by_name](const Block& block) {
    if (block.used) by_name[Name(block.purpose)] += static_cast<int64_t>(block.bytes);
  });
  std::vector<std::pair<int64_t, std::string>> holders;
  for (const auto& [name, bytes] : by_name) holders.emplace_back(-bytes, name);
  std::sort(holders.begin(), holders.end());
  std::string largest;
  for (size_t i = 0; i < holders.size() && i < kMostHolders; ++i) {
    largest +=
        fmt::format("{}{} {}", i == 0 ? "" : ", ", holders[i].second, Amount(-holders[i].first));
  }
  size_t free_bytes = 0, total_bytes = 0;
  {
    const DeviceGuard guard(device_);
    cudaMemGetInfo(&free_bytes, &total_bytes);
  }
  const MemoryStats& memory = stats_.memory;
  const int64_t cached = memory.reserved_bytes - memory.current_bytes;
  Fail(
      "[Allocate] {} is out of memory: {} wanted{}, {} in use by tensors, {} cached ({} of it for "
      "recorded graphs), {} of {} free on the device. Largest holders: {}. Use a smaller batch, "
      "more micro-batches or --dtype bf16",
      device_.ToString(), Amount(static_cast<int64_t>(wanted)),
      CurrentMemoryPurpose().what == nullptr ? "" : " by " + Name(CurrentMemoryPurpose()),
      Amount(memory.current_bytes), Amount(cached), Amount(std::min(cached, stats_.recorded_bytes)),
      Amount(static_cast<int64_t>(free_bytes)), Amount(static_cast<int64_t>(total_bytes)),
      largest.empty() ? "none" : largest);
}

}  // namespace convoy::cuda
