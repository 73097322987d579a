// Work that streams are given while they are captured, and the graph that it becomes.
#pragma once

#include <cuda_runtime_api.h>

#include <atomic>
#include <cstdint>
#include <mutex>
#include <thread>
#include <vector>

#include "tests/sim/ref.h"
#include "tests/sim/stream.h"

namespace convoy::sim {

struct Node {
  Work work;
  int device = 0;
  Ref<Stream> stream;      // that it was captured from
  std::vector<int> after;  // nodes that must have run
};

/// The nodes of a graph, which no longer change.
class Graph : public Shared {
 public:
  explicit Graph(std::vector<Node> nodes) : nodes_(std::move(nodes)) {}
  const std::vector<Node>& nodes() const { return nodes_; }

  /// Runs all nodes, in an order that the dependencies allow and `random` picks; nodes that lag
  /// (LagStreams) as late as can be.
  void Run(uint64_t& random) const;

 private:
  std::vector<Node> nodes_;
};

/// A capture that goes on: the streams that take part add nodes to it.
class Capture : public Shared {
 public:
  Capture(Stream* origin, cudaStreamCaptureMode mode);

  Stream* origin() const { return origin_.get(); }
  cudaStreamCaptureMode mode() const { return mode_; }
  uint64_t id() const { return id_; }
  bool OfThisThread() const { return std::this_thread::get_id() == thread_; }
  bool ended() const { return ended_.load(std::memory_order_relaxed); }
  bool invalid() const { return invalid_.load(std::memory_order_relaxed); }
  void Invalidate() { invalid_.store(true, std::memory_order_relaxed); }

  /// Returns the new node, or -1 if the capture is invalid.
  int Add(Node node);
  /// Ends it. With success, fills `graph`.
  cudaError_t End(Stream* stream, const std::vector<int>& tails, Ref<Graph>* graph);

 private:
  const Ref<Stream> origin_;
  const cudaStreamCaptureMode mode_;
  const uint64_t id_;
  const std::thread::id thread_;
  std::atomic<bool> ended_{false};
  std::atomic<bool> invalid_{false};
  std::mutex mutex_;
  std::vector<Node> nodes_;
};

/// Starts a capture; it counts as going on until its End.
Ref<Capture> BeginCapture(Stream* origin, cudaStreamCaptureMode mode);

/// For calls that might wait for a device, or allocate: whether no capture forbids them to this
/// thread. Those that do become invalid.
cudaError_t CheckUnsafeCall();
/// This thread's own mode (cudaThreadExchangeStreamCaptureMode); returns the one before.
cudaStreamCaptureMode ExchangeCaptureMode(cudaStreamCaptureMode mode);
/// Whether a capture that this thread may disturb through the null stream goes on.
bool NullStreamIsCaptured(int device);

}  // namespace convoy::sim
