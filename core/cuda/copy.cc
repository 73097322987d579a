// Copies between the host and GPUs, and between GPUs.
#include "core/cuda/copy.h"

#include <algorithm>
#include <cstring>
#include <deque>
#include <mutex>
#include <set>

#include "core/base/error.h"
#include "core/cuda/capture_mode.h"
#include "core/cuda/check.h"
#include "core/cuda/device.h"
#include "core/cuda/graph.h"
#include "core/cuda/pinned.h"
#include "core/cuda/stream.h"

namespace convoy::cuda {
namespace {

// Large copies go through buffers of this size, so that the host's part overlaps the device's.
constexpr size_t kChunk = size_t{8} << 20;
constexpr size_t kChunksInFlight = 4;

void CheckNotRecording(const char* what) {
  CONVOY_CHECK(!recording_graph,
               "[CUDA] {} cannot be part of a recorded graph; do it before or after", what);
}

class PinnedCopy final : public HostCopy {
 public:
  PinnedCopy(Device device, const void* from, size_t bytes) : buffer_(device, bytes) {
    const cudaStream_t stream = Use(device);
    if (bytes > 0) {
      CONVOY_CUDA(cudaMemcpyAsync(buffer_.data(), from, bytes, cudaMemcpyDeviceToHost, stream));
    }
    buffer_.UsedBy(stream);
  }

  bool Done() override { return buffer_.used()->Done(); }
  const void* Wait() override {
    if (!Done()) Synchronize(*buffer_.used());
    return buffer_.data();
  }

 private:
  PinnedBuffer buffer_;
};

// Lets the devices reach each other's memory directly, where the machine can; once a pair.
void Introduce(Device to, Device from) {
  static std::mutex mutex;
  static auto* pairs = new std::set<std::pair<int, int>>;
  const std::lock_guard lock(mutex);
  if (!pairs->insert({to.index, from.index}).second) return;
  int possible = 0;
  CONVOY_CUDA(cudaDeviceCanAccessPeer(&possible, to.index, from.index));
  if (possible == 0) return;
  const DeviceGuard guard(to);
  const cudaError_t error = cudaDeviceEnablePeerAccess(from.index, 0);
  if (error == cudaErrorPeerAccessAlreadyEnabled) {
    cudaGetLastError();
  } else {
    CONVOY_CUDA(error);
  }
}

}  // namespace

void CopyFromHost(Device device, void* to, const void* from, size_t bytes) {
  const cudaStream_t stream = Use(device);
  for (size_t done = 0; done < bytes;) {
    const size_t part = std::min(bytes - done, kChunk);
    PinnedBuffer buffer(device, part);
    std::memcpy(buffer.data(), static_cast<const char*>(from) + done, part);
    CONVOY_CUDA(cudaMemcpyAsync(static_cast<char*>(to) + done, buffer.data(), part,
                                cudaMemcpyHostToDevice, stream));
    if (recording_graph) {
      KeepForReplays(std::move(buffer));  // every replay copies what the recording did
    } else {
      buffer.UsedBy(stream);
    }
    done += part;
  }
}

void CopyToHost(void* to, Device device, const void* from, size_t bytes) {
  CheckNotRecording("reading a tensor on the host");
  std::deque<PinnedCopy> copies;
  size_t queued = 0;
  for (size_t done = 0; done < bytes;) {
    while (queued < bytes && copies.size() < kChunksInFlight) {
      const size_t part = std::min(bytes - queued, kChunk);
      copies.emplace_back(device, static_cast<const char*>(from) + queued, part);
      queued += part;
    }
    const size_t part = std::min(bytes - done, kChunk);
    std::memcpy(static_cast<char*>(to) + done, copies.front().Wait(), part);
    copies.pop_front();
    done += part;
  }
}

std::unique_ptr<HostCopy> StartCopyToHost(Device device, const void* from, size_t bytes) {
  CheckNotRecording("reading a tensor on the host");
  return std::make_unique<PinnedCopy>(device, from, bytes);
}

void CopyOnDevices(Device to_device, void* to, Device from_device, const void* from, size_t bytes) {
  if (bytes == 0) return;
  if (to_device == from_device) {
    CONVOY_CUDA(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, Use(to_device)));
    return;
  }
  CheckNotRecording("a copy from one GPU to another");
  Introduce(to_device, from_device);
  const cudaStream_t writer = Use(from_device);
  Event written(from_device);
  written.Record(writer);
  const cudaStream_t stream = Use(to_device);
  written.MakeWait(stream, "copy: source written");
  CONVOY_CUDA(cudaMemcpyPeerAsync(to, to_device.index, from, from_device.index, bytes, stream));
  Event copied(to_device);
  copied.Record(stream);
  copied.MakeWait(writer, "copy: source read");
}

}  // namespace convoy::cuda
