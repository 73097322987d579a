// Recorded graphs: a device's work captured once and replayed as one.
#include "core/cuda/graph.h"

#include <atomic>
#include <optional>
#include <vector>

#include "core/base/error.h"
#include "core/cuda/capture_mode.h"
#include "core/cuda/check.h"
#include "core/cuda/device.h"
#include "core/cuda/pool.h"
#include "core/cuda/random_positions.h"
#include "core/cuda/stream.h"

namespace convoy::cuda {
namespace {

thread_local std::vector<PinnedBuffer>* kept_buffers = nullptr;
thread_local std::vector<SideWork*> side_works;
std::atomic<uint64_t> graphs{0};

void JoinSideWorks() {
  for (SideWork* work : side_works) work->Join();
}

class Graph final : public Recording {
 public:
  Graph(Device device, const std::function<void()>& work) : device_(device), replayed_(device) {
    try {
      Capture(work);
    } catch (...) {
      positions_.reset();
      if (arena_ != nullptr) PoolOf(device_).Retire(arena_);
      throw;
    }
  }

  ~Graph() override {
    positions_.reset();  // its memory is the arena's
    if (executable_ != nullptr) cudaGraphExecDestroy(executable_);
    // The graph's memory, and what its copies read, is used again after the last replay.
    try {
      const cudaStream_t compute = ComputeStream(device_);
      replayed_.MakeWait(compute, "graph: gone");
      for (PinnedBuffer& buffer : buffers_) buffer.UsedBy(compute);
    } catch (const Error&) {
      // The device is lost.
    }
    PoolOf(device_).Retire(arena_);
  }

  void Replay() override {
    CONVOY_CHECK(!recording_graph, "[CUDA] a graph cannot be replayed while another is recorded");
    JoinSideWorks();
    const cudaStream_t stream = Use(device_);
    PoolOf(device_).BeforeReplay(*arena_, stream);
    // Positions and pool count on replays coming one after the other.
    replayed_.MakeWait(stream, "graph: replayed on another stream");
    positions_->BeforeReplay(stream);
    CONVOY_CUDA(cudaGraphLaunch(executable_, stream));
    replayed_.Record(stream);
  }

 private:
  void Capture(const std::function<void()>& work) {
    JoinSideWorks();
    const Stream stream(device_);
    positions_.emplace(device_);
    cudaGraph_t graph = nullptr;
    {
      const StreamScope scope(stream);
      Use(device_);
      CONVOY_CUDA(cudaStreamBeginCapture(stream.get(), cudaStreamCaptureModeThreadLocal));
      const Session session(*this);
      try {
        positions_->BeginRecording();
        work();
        JoinSideWorks();
        positions_->EndRecording();
      } catch (...) {
        Use(device_);
        if (cudaStreamEndCapture(stream.get(), &graph) == cudaSuccess) cudaGraphDestroy(graph);
        cudaGetLastError();
        throw;
      }
      Use(device_);
      CONVOY_CUDA(cudaStreamEndCapture(stream.get(), &graph));
    }
    const cudaError_t error = cudaGraphInstantiate(&executable_, graph, 0);
    cudaGraphDestroy(graph);
    CONVOY_CUDA(error);
  }

  // What is different for this thread while it records.
  class Session {
   public:
    explicit Session(Graph& graph) : graph_(graph) {
      graph.arena_ = PoolOf(graph.device_).BeginArena();
      recording_graph = ++graphs;
      convoy::internal::random_recorder = &*graph.positions_;
      kept_buffers = &graph.buffers_;
    }
    ~Session() {
      kept_buffers = nullptr;
      convoy::internal::random_recorder = nullptr;
      recording_graph = 0;
      PoolOf(graph_.device_).EndArena(graph_.arena_);
    }

   private:
    Graph& graph_;
  };

  Device device_;
  std::shared_ptr<Pool::Arena> arena_;
  std::optional<RandomPositions> positions_;
  std::vector<PinnedBuffer> buffers_;
  cudaGraphExec_t executable_ = nullptr;
  Event replayed_;  // the last replay; never recorded before the first
};

}  // namespace

std::unique_ptr<Recording> RecordGraph(Device device, const std::function<void()>& work) {
  CONVOY_CHECK(!recording_graph, "[CUDA] a graph is being recorded by this thread already");
  return std::make_unique<Graph>(device, work);
}

void AddSideWork(SideWork& work) { side_works.push_back(&work); }
void RemoveSideWork(SideWork& work) { std::erase(side_works, &work); }

void KeepForReplays(PinnedBuffer buffer) { kept_buffers->push_back(std::move(buffer)); }

}  // namespace convoy::cuda
