// Page-locked host memory, from which a GPU copies while the host goes on.
#pragma once

#include <cstddef>
#include <memory>
#include <utility>

#include "core/cuda/stream.h"

namespace convoy::cuda {

/// A buffer from a cache that all GPUs share. Given back when it goes, and used again only after
/// the work that it was last given to (`UsedBy`) is done.
class PinnedBuffer {
 public:
  /// For copies from or to `device`. Throws: Error if the machine has no more memory to lock.
  PinnedBuffer(Device device, size_t bytes);
  ~PinnedBuffer();
  PinnedBuffer(PinnedBuffer&& other) noexcept
      : device_(other.device_),
        data_(std::exchange(other.data_, nullptr)),
        bytes_(other.bytes_),
        used_(std::move(other.used_)) {}
  PinnedBuffer& operator=(PinnedBuffer&&) = delete;

  std::byte* data() const { return data_; }
  /// The work given to `stream` so far uses the buffer. Once a buffer.
  void UsedBy(cudaStream_t stream);
  /// Of UsedBy; null before.
  const Event* used() const { return used_.get(); }

 private:
  Device device_;
  std::byte* data_;
  size_t bytes_;
  std::unique_ptr<Event> used_;
};

struct PinnedStats {
  int64_t bytes = 0;        ///< locked, in use or cached
  int64_t allocations = 0;  ///< buffers asked of the driver so far
};
PinnedStats GetPinnedStats();

}  // namespace convoy::cuda
