// The CUDA runtime's functions for stream capture and graphs, on simulated devices.
#include <cuda_runtime_api.h>

#include <algorithm>
#include <memory>
#include <mutex>
#include <vector>

#include "tests/sim/capture.h"
#include "tests/sim/event.h"
#include "tests/sim/state.h"
#include "tests/sim/stream.h"

struct CUgraphNode_st {
  convoy::sim::OpKind kind;
};

struct CUgraph_st {
  convoy::sim::Ref<convoy::sim::Graph> graph;
  std::vector<CUgraphNode_st> nodes;
};

// Launches of one executable graph run one after the other, whatever streams they are given to.
struct CUgraphExec_st : convoy::sim::Shared {
  convoy::sim::Ref<convoy::sim::Graph> graph;
  int64_t operations = 0;
  std::mutex running;
  uint64_t random = 0;
};

namespace {

using namespace convoy::sim;

constexpr auto kRelaxed = std::memory_order_relaxed;

}  // namespace

extern "C" {

cudaError_t cudaThreadExchangeStreamCaptureMode(cudaStreamCaptureMode* mode) {
  if (mode == nullptr || *mode < 0 || *mode > cudaStreamCaptureModeRelaxed) {
    return Result(cudaErrorInvalidValue);
  }
  *mode = ExchangeCaptureMode(*mode);
  return cudaSuccess;
}

cudaError_t cudaStreamBeginCapture(cudaStream_t handle, cudaStreamCaptureMode mode) {
  SIM_ENTER();
  if (handle == nullptr || handle == cudaStreamLegacy) {
    return Result(cudaErrorStreamCaptureUnsupported);
  }
  Stream* stream = StreamOf(handle);
  const std::lock_guard lock(stream->host_mutex);
  if (stream->CapturingLocked()) return Result(cudaErrorIllegalState);
  stream->capture = BeginCapture(stream, mode);
  stream->capture_tails.clear();
  return cudaSuccess;
}

cudaError_t cudaStreamEndCapture(cudaStream_t handle, cudaGraph_t* graph) {
  SIM_ENTER();
  if (graph == nullptr) return Result(cudaErrorInvalidValue);
  *graph = nullptr;
  Stream* stream = StreamOf(handle);
  const std::lock_guard lock(stream->host_mutex);
  if (!stream->CapturingLocked()) return Result(cudaErrorIllegalState);
  const Ref<Capture> capture = stream->capture;
  Ref<Graph> made;
  const cudaError_t error = capture->End(stream, stream->capture_tails, &made);
  stream->CapturingLocked();
  if (error != cudaSuccess) return Result(error);
  *graph = new CUgraph_st{made, {}};
  for (const Node& node : made->nodes()) (*graph)->nodes.push_back({node.work.kind});
  return cudaSuccess;
}

cudaError_t cudaStreamIsCapturing(cudaStream_t handle, cudaStreamCaptureStatus* status) {
  return cudaStreamGetCaptureInfo(handle, status, nullptr, nullptr, nullptr, nullptr, nullptr);
}

cudaError_t cudaStreamGetCaptureInfo(cudaStream_t handle, cudaStreamCaptureStatus* status,
                                     unsigned long long* id, cudaGraph_t* graph,
                                     const cudaGraphNode_t** dependencies,
                                     const cudaGraphEdgeData** edges, size_t* count) {
  SIM_ENTER();
  if (status == nullptr) return Result(cudaErrorInvalidValue);
  if (graph != nullptr || dependencies != nullptr || edges != nullptr || count != nullptr) {
    return Result(cudaErrorNotSupported);  // nobody changes a graph by hand
  }
  Stream* stream = StreamOf(handle);
  if (stream == nullptr) return Result(cudaErrorInvalidResourceHandle);
  const std::lock_guard lock(stream->host_mutex);
  *status = !stream->CapturingLocked()   ? cudaStreamCaptureStatusNone
            : stream->capture->invalid() ? cudaStreamCaptureStatusInvalidated
                                         : cudaStreamCaptureStatusActive;
  if (id != nullptr && stream->capture) *id = stream->capture->id();
  return cudaSuccess;
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  if (graph == nullptr) return Result(cudaErrorInvalidValue);
  delete graph;
  return cudaSuccess;
}

cudaError_t cudaGraphGetNodes(cudaGraph_t graph, cudaGraphNode_t* nodes, size_t* count) {
  SIM_ENTER();
  if (graph == nullptr || count == nullptr) return Result(cudaErrorInvalidValue);
  if (nodes == nullptr) {
    *count = graph->nodes.size();
    return cudaSuccess;
  }
  for (size_t i = 0; i < *count; ++i) {
    nodes[i] = i < graph->nodes.size() ? &graph->nodes[i] : nullptr;
  }
  *count = std::min(*count, graph->nodes.size());
  return cudaSuccess;
}

cudaError_t cudaGraphNodeGetType(cudaGraphNode_t node, cudaGraphNodeType* type) {
  SIM_ENTER();
  if (node == nullptr || type == nullptr) return Result(cudaErrorInvalidValue);
  *type = node->kind == OpKind::kCopy   ? cudaGraphNodeTypeMemcpy
          : node->kind == OpKind::kHost ? cudaGraphNodeTypeHost
                                        : cudaGraphNodeTypeKernel;
  return cudaSuccess;
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t* exec, cudaGraph_t graph,
                                 unsigned long long flags) {
  SIM_ENTER();
  if (exec == nullptr || graph == nullptr || flags != 0) return Result(cudaErrorInvalidValue);
  auto* made = new CUgraphExec_st;
  made->graph = graph->graph;
  made->operations = static_cast<int64_t>(graph->nodes.size());
  made->random = GetSettings().seed.load(kRelaxed);
  // The handle's own reference, dropped by cudaGraphExecDestroy.
  made->Hold();
  *exec = made;
  return cudaSuccess;
}

cudaError_t cudaGraphInstantiateWithFlags(cudaGraphExec_t* exec, cudaGraph_t graph,
                                          unsigned long long flags) {
  return cudaGraphInstantiate(exec, graph, flags);
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t exec) {
  if (exec == nullptr) return Result(cudaErrorInvalidValue);
  exec->LetGo();
  return cudaSuccess;
}

cudaError_t cudaGraphUpload(cudaGraphExec_t exec, cudaStream_t) {
  SIM_ENTER();
  return exec == nullptr ? Result(cudaErrorInvalidValue) : cudaSuccess;
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t exec, cudaStream_t stream) {
  SIM_ENTER();
  if (exec == nullptr) return Result(cudaErrorInvalidValue);
  GetSettings().operations.fetch_add(exec->operations, kRelaxed);
  return Result(Submit(stream, false, {OpKind::kWork, [exec = Ref<CUgraphExec_st>(exec)] {
                                         const std::lock_guard lock(exec->running);
                                         exec->graph->Run(exec->random);
                                       }}));
}

}  // extern "C"
