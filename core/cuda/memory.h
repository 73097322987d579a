// Memory of GPUs as the rest of the CUDA backend sees it.
#pragma once

#include <cuda_runtime_api.h>

#include "core/cuda/pool.h"
#include "core/tensor.h"

namespace convoy::cuda {

/// Says that `stream` has been given work that reads or writes `tensor`, whose memory belongs to
/// another stream (the one that was in use when it was made). The memory, once freed, is not used
/// again before that work is done. Call it after the work has been given to the stream.
void RecordUse(const Tensor& tensor, cudaStream_t stream);

/// The pool's counters, more than Backend::Stats tells.
PoolStats GetPoolStats(Device device);

}  // namespace convoy::cuda
