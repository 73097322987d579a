// Moments in a stream's work, on the host's clock (core/time_mark.h).
#pragma once

#include <cuda_runtime_api.h>

#include <memory>

#include "core/time_mark.h"

namespace convoy::cuda {

/// The moment at which `stream`, one of `device`, has done what it was given so far. Null while
/// this thread records a graph.
std::shared_ptr<const TimeMark> MarkTime(Device device, cudaStream_t stream);

}  // namespace convoy::cuda
