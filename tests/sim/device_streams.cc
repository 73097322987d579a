// The streams that a device knows of: handles, the null stream's order, waits for all of them.
#include <algorithm>
#include <mutex>
#include <vector>

#include "tests/sim/capture.h"
#include "tests/sim/stream.h"

namespace convoy::sim {
namespace {

struct DeviceStreams {
  std::mutex mutex;  // locked by the host only
  std::vector<Ref<Stream>> all;
  Stream* null_stream = nullptr;
};

DeviceStreams& StreamsOf(int device) {
  static auto* const streams = new DeviceStreams[kMaxDevices];
  return streams[device];
}

Stream* MakeLocked(DeviceStreams& streams, int device, bool non_blocking, int priority) {
  streams.all.emplace_back(new CUstream_st(device, non_blocking, priority));
  return streams.all.back().get();
}

}  // namespace

Stream* MakeStream(int device, bool non_blocking, int priority) {
  DeviceStreams& streams = StreamsOf(device);
  const std::lock_guard lock(streams.mutex);
  return MakeLocked(streams, device, non_blocking, priority);
}

void DestroyStream(Stream* stream) {
  DeviceStreams& streams = StreamsOf(stream->device());
  const std::lock_guard lock(streams.mutex);
  stream->Close();
  std::erase_if(streams.all, [&](const Ref<Stream>& it) { return it.get() == stream; });
}

Stream* StreamOf(cudaStream_t handle) {
  if (handle == cudaStreamPerThread) return nullptr;
  if (handle != nullptr && handle != cudaStreamLegacy) return handle;
  DeviceStreams& streams = StreamsOf(CurrentDevice());
  const std::lock_guard lock(streams.mutex);
  if (streams.null_stream == nullptr) {
    streams.null_stream = MakeLocked(streams, CurrentDevice(), false, 0);
  }
  return streams.null_stream;
}

void SynchronizeDevice(int device) {
  DeviceStreams& streams = StreamsOf(device);
  std::vector<Ref<Marker>> markers;
  {
    const std::lock_guard lock(streams.mutex);
    for (const auto& stream : streams.all) {
      if (!stream->Idle()) markers.push_back(stream->Mark());
    }
  }
  for (const auto& marker : markers) marker->Demand();
  for (const auto& marker : markers) marker->Await();
}

void LagStreams(Lag lag) {
  GetSettings().lag.store(lag, std::memory_order_relaxed);
  for (int device = 0; device < kMaxDevices; ++device) {
    DeviceStreams& streams = StreamsOf(device);
    const std::lock_guard lock(streams.mutex);
    for (const auto& stream : streams.all) stream->WakeUp();
  }
}

void OrderWithNullStream(Stream* stream) {
  if (stream->non_blocking()) return;
  DeviceStreams& streams = StreamsOf(stream->device());
  std::vector<Ref<Stream>> others;
  {
    const std::lock_guard lock(streams.mutex);
    if (streams.null_stream == nullptr) return;
    if (stream != streams.null_stream) {
      others.push_back(streams.null_stream);
    } else {
      for (const auto& other : streams.all) {
        if (!other->non_blocking() && other.get() != stream) others.push_back(other);
      }
    }
  }
  for (const auto& other : others) {
    if (!other->Idle()) stream->WaitFor(other->Mark());
  }
}

}  // namespace convoy::sim
