// Streams and events of a GPU, and which stream this thread's work goes to.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>
#include <memory>
#include <utility>

#include "core/device.h"

namespace convoy::cuda {

/// Makes `device` the calling thread's current one and returns the stream that its work goes to:
/// the device's compute stream, or that of the innermost StreamScope. Cheap; every kernel's host
/// side starts with it.
cudaStream_t Use(Device device);

/// The device's compute stream, whatever StreamScopes there are.
cudaStream_t ComputeStream(Device device);

/// An owned stream (non-blocking with respect to the default stream).
class Stream {
 public:
  enum class Priority { kNormal, kHigh };
  explicit Stream(Device device, Priority priority = Priority::kNormal);
  /// Does not wait: work that the stream has been given is still done.
  ~Stream();
  Stream(Stream&& other) noexcept
      : device_(other.device_), stream_(std::exchange(other.stream_, nullptr)) {}
  Stream& operator=(Stream&&) = delete;

  cudaStream_t get() const { return stream_; }
  Device device() const { return device_; }

 private:
  Device device_;
  cudaStream_t stream_ = nullptr;
};

/// While one is alive, this thread's work on the stream's device goes to that stream.
class StreamScope {
 public:
  explicit StreamScope(const Stream& stream);
  ~StreamScope();
  StreamScope(const StreamScope&) = delete;
  StreamScope& operator=(const StreamScope&) = delete;

 private:
  Device device_;
  cudaStream_t before_;
};

/// A point in a stream's work, without timing. Taken from a pool per device and given back.
/// Movable; an event that was never recorded counts as done.
class Event {
 public:
  explicit Event(Device device);
  ~Event();
  Event(Event&& other) noexcept
      : device_(other.device_),
        event_(std::exchange(other.event_, nullptr)),
        recorded_(other.recorded_) {}
  Event& operator=(Event&& other) noexcept {
    std::swap(device_, other.device_);
    std::swap(event_, other.event_);
    std::swap(recorded_, other.recorded_);
    return *this;
  }

  void Record(cudaStream_t stream) const;
  /// Work given to `stream` from now on starts after the recorded point. The host does not wait.
  /// `site` names the dependency, for tests that leave one out.
  void MakeWait(cudaStream_t stream, const char* site) const;
  /// Whether the work before the recorded point is finished. Does not wait.
  bool Done() const;
  cudaEvent_t get() const { return event_; }

 private:
  Device device_;
  cudaEvent_t event_ = nullptr;
  mutable bool recorded_ = false;  // by this owner: the event itself has had others
};

/// The host waits for everything given to `stream` so far, polling, and calls the thread's
/// Interrupt meanwhile. Counted by HostWaits.
void Synchronize(cudaStream_t stream);
/// The host waits for an event, in the same way.
void Synchronize(const Event& event);

/// How often this process has waited for a device so far: a training step should add nothing.
int64_t HostWaits();

/// Called while the host waits for a device and when the wait is over; may throw to end it (a lost
/// peer). One per thread: returns the one before.
using Interrupt = void (*)(void* context);
std::pair<Interrupt, void*> SetInterrupt(Interrupt interrupt, void* context);

}  // namespace convoy::cuda
