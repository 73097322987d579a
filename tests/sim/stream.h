// A stream: a queue of work that a thread of its own runs, and the points in it that others await.
#pragma once

#include <cuda_runtime_api.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <vector>

#include "tests/sim/ref.h"
#include "tests/sim/state.h"

namespace convoy::sim {

class Capture;
class Stream;

enum class OpKind : uint8_t {
  kWork,  // kernels, memset, libraries
  kCopy,
  kHost,     // a host function
  kControl,  // events, releases: also on a device that is broken
};

/// A point in a stream's work. Nobody learns of anything but what comes before it.
class Marker : public Shared {
 public:
  Marker(Stream* stream, uint64_t ticket);
  ~Marker() override;

  bool Reached() const { return reached_.load(std::memory_order_acquire) != 0; }
  /// Blocks until it is reached; lets a lagging stream go on up to here.
  void Await();
  /// Lets a lagging stream go on up to here.
  void Demand();
  /// Called by the stream.
  void Reach();
  /// When it was reached, in nanoseconds.
  int64_t time_ns() const { return time_ns_.load(std::memory_order_relaxed); }

 private:
  Ref<Stream> stream_;
  uint64_t ticket_;
  std::atomic<uint32_t> reached_{0};
  std::atomic<int64_t> time_ns_{0};
};

/// Work of one kind.
struct Work {
  OpKind kind = OpKind::kWork;
  std::function<void()> run;
};

class Stream : public Shared {
 public:
  Stream(int device, bool non_blocking, int priority);

  int device() const { return device_; }
  int priority() const { return priority_; }
  bool non_blocking() const { return non_blocking_; }

  // The host's side. ---------------------------------------------------------------------------

  /// Queues work, or adds it to the capture that the stream takes part in.
  cudaError_t Submit(Work work);
  /// The point behind all work so far; not captured.
  Ref<Marker> Mark();
  /// Work from now on runs after `marker`; not captured.
  void WaitFor(Ref<Marker> marker);
  /// Whether all is done. If not, lets a lagging stream go on.
  bool Idle();
  /// No more work comes. What is queued still runs.
  void Close();

  /// The capture that the stream takes part in, and the nodes that its next one follows. Guarded by
  /// host_mutex.
  std::mutex host_mutex;
  Ref<Capture> capture;
  std::vector<int> capture_tails;

  /// Forgets a capture that has ended; with host_mutex held. Whether the stream is in one.
  bool CapturingLocked();

  /// Lets a lagging stream run operations up to `ticket`.
  void Demand(uint64_t ticket);
  void SetLags(bool lags) { lags_.store(lags, std::memory_order_relaxed); }
  /// Whether the operation waits for a demand, by LagStreams and LagStream.
  bool Lags(OpKind kind) const;
  /// Makes the stream's thread look again whether it may go on.
  void WakeUp();

 private:
  struct Op {
    Work work;
    uint64_t ticket = 0;
    std::atomic<Op*> next{nullptr};
  };

  void Push(Work work);  // with host_mutex held
  void Run(Op* last);
  void RunOp(Op& op, uint64_t& random);
  void AwaitDemand(const Op& op);

  const int device_;
  const int priority_;
  const bool non_blocking_;
  const uint64_t seed_;

  // The thread goes from op to op as the host links them; nothing flows back from it to the host,
  // which would order the host, and so other streams, behind this one's work.
  Op* tail_ = nullptr;    // guarded by host_mutex
  uint64_t issued_ = 0;   // guarded by host_mutex
  bool running_ = false;  // guarded by host_mutex
  std::atomic<uint64_t> finished_{0};
  std::atomic<uint64_t> demanded_{0};
  std::atomic<bool> lags_{false};
  std::atomic<bool> closed_{false};
  std::atomic<uint32_t> wake_{0};
};

/// The stream behind a handle; the current device's null stream for 0. Null if it is none.
Stream* StreamOf(cudaStream_t handle);
/// A stream that its device knows of, until DestroyStream.
Stream* MakeStream(int device, bool non_blocking, int priority);
void DestroyStream(Stream* stream);
/// The null stream waits for all others that were not made non-blocking, and they for it. Called
/// before work is given to `stream`.
void OrderWithNullStream(Stream* stream);
/// Waits for all work of a device.
void SynchronizeDevice(int device);
/// Runs `work` of a stream's or graph's, unless its device is broken.
void RunUnlessBroken(int device, const Work& work);

/// Sleeps while `at` is `expected`, until FutexWake or the time is over.
void FutexWait(const std::atomic<uint32_t>& at, uint32_t expected, int64_t timeout_ms = -1);
void FutexWake(const std::atomic<uint32_t>& at);

}  // namespace convoy::sim

struct CUstream_st : convoy::sim::Stream {
  using Stream::Stream;
};
