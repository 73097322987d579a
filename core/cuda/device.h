// The GPUs of this machine: how many can be used, and what they are.
#pragma once

#include <cstdint>
#include <string>

#include "core/device.h"

namespace convoy::cuda {

/// GPUs that this process can use. 0: `why`, unless null, gets the reason and the way out (no
/// driver, one too old, none visible). Never throws.
int DeviceCount(std::string* why = nullptr);

struct DeviceInfo {
  std::string name;
  int multiprocessors = 0;
  int64_t total_bytes = 0;
  int capability_major = 0, capability_minor = 0;
};

/// Throws: Error if there is no such GPU, or if it is older than this build's kernels.
const DeviceInfo& Info(Device device);

/// Makes `device` current while it lives, then the one that was before.
class DeviceGuard {
 public:
  explicit DeviceGuard(Device device);
  ~DeviceGuard();
  DeviceGuard(const DeviceGuard&) = delete;
  DeviceGuard& operator=(const DeviceGuard&) = delete;

 private:
  int before_ = 0;
};

}  // namespace convoy::cuda
