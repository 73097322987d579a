// Work that streams are given while they are captured, and the graph that it becomes.
#include "tests/sim/capture.h"

#include <algorithm>
#include <utility>

#include "tests/sim/random.h"

namespace convoy::sim {
namespace {

struct Captures {
  std::mutex mutex;  // locked by the host only
  std::vector<Ref<Capture>> going_on;
  std::atomic<int> count{0};
};

Captures& AllCaptures() {
  static auto* const captures = new Captures;
  return *captures;
}

std::atomic<uint64_t> captures_begun{0};
thread_local cudaStreamCaptureMode thread_mode = cudaStreamCaptureModeGlobal;

}  // namespace

void Graph::Run(uint64_t& random) const {
  const size_t count = nodes_.size();
  std::vector<int> missing(count, 0);
  std::vector<std::vector<int>> before(count);
  std::vector<int> ready, dawdling;
  const auto make_ready = [&](int node) {
    const Node& it = nodes_[static_cast<size_t>(node)];
    (it.stream->Lags(it.work.kind) ? dawdling : ready).push_back(node);
  };
  for (size_t i = 0; i < count; ++i) {
    missing[i] = static_cast<int>(nodes_[i].after.size());
    for (const int node : nodes_[i].after) {
      before[static_cast<size_t>(node)].push_back(static_cast<int>(i));
    }
    if (missing[i] == 0) make_ready(static_cast<int>(i));
  }
  while (!ready.empty() || !dawdling.empty()) {
    auto& from = ready.empty() ? dawdling : ready;
    std::swap(from[NextRandom(random) % from.size()], from.back());
    const auto node = static_cast<size_t>(from.back());
    from.pop_back();
    RunUnlessBroken(nodes_[node].device, nodes_[node].work);
    for (const int next : before[node]) {
      if (--missing[static_cast<size_t>(next)] == 0) make_ready(next);
    }
  }
}

Capture::Capture(Stream* origin, cudaStreamCaptureMode mode)
    : origin_(origin),
      mode_(mode),
      id_(captures_begun.fetch_add(1) + 1),
      thread_(std::this_thread::get_id()) {}

int Capture::Add(Node node) {
  const std::lock_guard lock(mutex_);
  if (invalid()) return -1;
  nodes_.push_back(std::move(node));
  return static_cast<int>(nodes_.size()) - 1;
}

cudaError_t Capture::End(Stream* stream, const std::vector<int>& tails, Ref<Graph>* graph) {
  if (stream != origin_.get()) {
    Invalidate();
    return cudaErrorStreamCaptureUnmatched;
  }
  if (mode_ != cudaStreamCaptureModeRelaxed && !OfThisThread()) {
    Invalidate();
    return cudaErrorStreamCaptureWrongThread;
  }
  {
    Captures& captures = AllCaptures();
    const std::lock_guard lock(captures.mutex);
    captures.count -= static_cast<int>(
        std::erase_if(captures.going_on, [&](const Ref<Capture>& it) { return it.get() == this; }));
  }
  ended_.store(true, std::memory_order_relaxed);
  if (invalid()) return cudaErrorStreamCaptureInvalidated;
  const std::lock_guard lock(mutex_);
  // Every node must come before the origin's end.
  std::vector<bool> joined(nodes_.size(), false);
  for (const int tail : tails) joined[static_cast<size_t>(tail)] = true;
  for (size_t i = nodes_.size(); i-- > 0;) {
    if (!joined[i]) return cudaErrorStreamCaptureUnjoined;
    for (const int node : nodes_[i].after) joined[static_cast<size_t>(node)] = true;
  }
  *graph = Ref<Graph>(new Graph(std::move(nodes_)));
  return cudaSuccess;
}

Ref<Capture> BeginCapture(Stream* origin, cudaStreamCaptureMode mode) {
  Ref<Capture> capture(new Capture(origin, mode));
  Captures& captures = AllCaptures();
  const std::lock_guard lock(captures.mutex);
  captures.going_on.push_back(capture);
  ++captures.count;
  return capture;
}

cudaError_t CheckUnsafeCall() {
  Captures& captures = AllCaptures();
  if (captures.count.load(std::memory_order_relaxed) == 0) return cudaSuccess;
  if (thread_mode == cudaStreamCaptureModeRelaxed) return cudaSuccess;
  const std::lock_guard lock(captures.mutex);
  cudaError_t error = cudaSuccess;
  for (const auto& capture : captures.going_on) {
    const bool forbids = capture->OfThisThread() ? capture->mode() != cudaStreamCaptureModeRelaxed
                                                 : capture->mode() == cudaStreamCaptureModeGlobal &&
                                                       thread_mode == cudaStreamCaptureModeGlobal;
    if (!forbids) continue;
    capture->Invalidate();
    error = cudaErrorStreamCaptureUnsupported;
  }
  return error;
}

cudaStreamCaptureMode ExchangeCaptureMode(cudaStreamCaptureMode mode) {
  return std::exchange(thread_mode, mode);
}

bool NullStreamIsCaptured(int device) {
  Captures& captures = AllCaptures();
  if (captures.count.load(std::memory_order_relaxed) == 0) return false;
  const std::lock_guard lock(captures.mutex);
  return std::any_of(captures.going_on.begin(), captures.going_on.end(), [&](const auto& it) {
    return it->origin()->device() == device && !it->origin()->non_blocking();
  });
}

}  // namespace convoy::sim
