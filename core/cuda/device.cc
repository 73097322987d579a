// The GPUs of this machine: how many can be used, and what they are.
#include "core/cuda/device.h"

#include <cuda_runtime_api.h>

#include <cstdlib>
#include <map>
#include <mutex>

#include "core/base/error.h"
#include "core/cuda/check.h"

namespace convoy::cuda {
namespace {

// The kernels are compiled for this one and later ones (third_party/cuda/cuda.bzl).
constexpr int kOldestCapability = 8;

std::string CudaVersion(int version) {
  return fmt::format("{}.{}", version / 1000, version % 1000 / 10);
}

std::string DriverReason() {
  int driver = 0;
  cudaDriverGetVersion(&driver);
  if (driver == 0) {
    return "the NVIDIA driver is missing (libcuda.so.1 was not found); install it";
  }
  // Within a major version every driver runs every runtime.
  return fmt::format(
      "the NVIDIA driver is too old: it supports CUDA {}, this build needs CUDA {}.0 or later; "
      "update the driver",
      CudaVersion(driver), CUDART_VERSION / 1000);
}

std::string NoDeviceReason() {
  if (const char* visible = std::getenv("CUDA_VISIBLE_DEVICES")) {
    return fmt::format(
        "the driver shows no GPU while CUDA_VISIBLE_DEVICES is '{}'; unset it, or name GPUs that "
        "exist",
        visible);
  }
  return "the NVIDIA driver is there but finds no GPU";
}

DeviceInfo ReadInfo(Device device) {
  std::string why;
  const int count = DeviceCount(&why);
  CONVOY_CHECK(count > 0, "[CUDA] {} cannot be used: {}", device.ToString(), why);
  CONVOY_CHECK(device.index < count, "[CUDA] {}: there {} {} GPU{} (cuda:0{})", device.ToString(),
               count == 1 ? "is" : "are", count, count == 1 ? "" : "s",
               count == 1 ? "" : fmt::format(" to cuda:{}", count - 1));
  cudaDeviceProp properties;
  CONVOY_CUDA(cudaGetDeviceProperties(&properties, device.index));
  CONVOY_CHECK(properties.major >= kOldestCapability,
               "[CUDA] {} ({}) has compute capability {}.{}; this build needs {}.0 or later",
               device.ToString(), properties.name, properties.major, properties.minor,
               kOldestCapability);
  return {properties.name, properties.multiProcessorCount,
          static_cast<int64_t>(properties.totalGlobalMem), properties.major, properties.minor};
}

}  // namespace

int DeviceCount(std::string* why) {
  int count = 0;
  const cudaError_t error = cudaGetDeviceCount(&count);
  if (error == cudaSuccess && count > 0) return count;
  cudaGetLastError();  // must not show up at the next call
  if (why != nullptr) {
    if (error == cudaErrorInsufficientDriver) {
      *why = DriverReason();
    } else if (error == cudaErrorNoDevice || error == cudaSuccess) {
      *why = NoDeviceReason();
    } else {
      *why = fmt::format("cudaGetDeviceCount says: {} ({})", cudaGetErrorString(error),
                         cudaGetErrorName(error));
    }
  }
  return 0;
}

const DeviceInfo& Info(Device device) {
  static std::mutex mutex;
  static std::map<int, DeviceInfo>* infos = new std::map<int, DeviceInfo>;
  const std::lock_guard lock(mutex);
  const auto found = infos->find(device.index);
  if (found != infos->end()) return found->second;
  return infos->emplace(device.index, ReadInfo(device)).first->second;
}

DeviceGuard::DeviceGuard(Device device) {
  if (cudaGetDevice(&before_) != cudaSuccess) before_ = -1;  // the current device is lost
  if (before_ != device.index) CONVOY_CUDA(cudaSetDevice(device.index));
}

DeviceGuard::~DeviceGuard() {
  int now = -1;
  const bool known = cudaGetDevice(&now) == cudaSuccess;
  if (before_ >= 0 && (!known || now != before_)) cudaSetDevice(before_);
}

}  // namespace convoy::cuda
