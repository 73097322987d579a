// Calls that a thread may not make as they are while it records a graph.
#pragma once

#include <cuda_runtime_api.h>

namespace convoy::cuda {

/// Whether this thread is recording a graph (core/cuda/graph.h).
inline thread_local bool recording_graph = false;

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
