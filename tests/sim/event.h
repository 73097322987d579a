// An event: the point in a stream's work, or in a capture, where it was last recorded.
#pragma once

#include <cuda_runtime_api.h>

#include <mutex>
#include <vector>

#include "tests/sim/capture.h"
#include "tests/sim/stream.h"

struct CUevent_st {
  int device = 0;
  bool timing = false;
  std::mutex mutex;  // locked by the host only
  convoy::sim::Ref<convoy::sim::Marker> marker;
  // If it was last recorded in a capture: the nodes before it.
  convoy::sim::Ref<convoy::sim::Capture> capture;
  std::vector<int> tails;
};

namespace convoy::sim {

/// Gives work to a stream or the capture that it is in. Kernels want the stream's device to be the
/// current one, copies do not.
cudaError_t Submit(cudaStream_t stream, bool device_matters, Work work);

}  // namespace convoy::sim
