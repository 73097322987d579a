// Calls that a thread may not make as they are while it records a graph.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

namespace convoy::cuda {

/// The graph that this thread is recording (core/cuda/graph.h), by a number of its own; 0: none.
inline thread_local uint64_t recording_graph = 0;

/// Allows calls that are not work for a stream (cudaMalloc, queries of finished events) while this
/// thread records. Free of cost otherwise.
class AllowInRecording {
 public:
  AllowInRecording() {
    if (recording_graph) cudaThreadExchangeStreamCaptureMode(&mode_);
  }
  ~AllowInRecording() {
    if (recording_graph) cudaThreadExchangeStreamCaptureMode(&mode_);
  }
  AllowInRecording(const AllowInRecording&) = delete;
  AllowInRecording& operator=(const AllowInRecording&) = delete;

 private:
  cudaStreamCaptureMode mode_ = cudaStreamCaptureModeRelaxed;
};

}  // namespace convoy::cuda
