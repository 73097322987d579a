// Where a tensor lives and its kernels run: `cpu:K` or `cuda:K`.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace convoy {

enum class DeviceType : uint8_t { kCpu, kCuda };
inline constexpr int kNumDeviceTypes = 2;

/// `cpu:K` is a share of the machine's cores with its own threads (core/threads.h) and allocator;
/// memory of every `cpu:K` is the machine's and can be read from any of them.
struct Device {
  DeviceType type = DeviceType::kCpu;
  int index = 0;

  static Device Cpu(int index = 0) { return {DeviceType::kCpu, index}; }
  static Device Cuda(int index = 0) { return {DeviceType::kCuda, index}; }

  /// Reads "cpu", "cpu:1", "cuda", "cuda:0". Throws: Error on anything else.
  static Device Parse(std::string_view text);

  bool is_cpu() const { return type == DeviceType::kCpu; }
  std::string ToString() const;
  bool operator==(const Device&) const = default;
};

/// "cpu" or "cuda".
std::string_view Name(DeviceType type);

}  // namespace convoy
