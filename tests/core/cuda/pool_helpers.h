// What the tests of the memory pool share.
#pragma once

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

#include "core/cuda/stream.h"
#include "core/tensor.h"

namespace convoy::cuda {

inline constexpr int64_t kMiB = 1 << 20;

#if defined(__SANITIZE_ADDRESS__)
inline constexpr bool kReuses = false;  // every block is the driver's own there
#else
inline constexpr bool kReuses = true;
#endif

// ThreadSanitizer reports a wait that is left out as the race that it is.
#if defined(__SANITIZE_THREAD__)
inline constexpr bool kRacesFail = true;
#else
inline constexpr bool kRacesFail = false;
#endif

inline Tensor Bytes(Device device, int64_t bytes) {
  return Tensor::Empty({bytes}, {DType::kU8, device});
}
inline std::vector<uint8_t> Ones(int64_t bytes, uint8_t value) {
  return std::vector<uint8_t>(static_cast<size_t>(bytes), value);
}
inline void Write(const Tensor& to, uint8_t value) {
  to.CopyFrom(Tensor::From<uint8_t>(to.shape(), Ones(to.numel(), value)));
}
inline uint8_t First(const Tensor& tensor) { return tensor.View({1}).Item<uint8_t>(); }

/// The pool of a device that the tests before this one may have used.
inline Device Clean(int index) {
  const Device device = Device::Cuda(index);
  Synchronize(Use(device));
  GetBackend(DeviceType::kCuda).ReleaseCached(device);
  return device;
}

/// Keeps a stream from going on, as a host function of it.
struct Hold {
  std::atomic<bool> begun = false, over = false;

  static void Run(void* self) {
    Hold& hold = *static_cast<Hold*>(self);
    hold.begun = true;
    while (!hold.over) std::this_thread::yield();
  }
};

}  // namespace convoy::cuda
