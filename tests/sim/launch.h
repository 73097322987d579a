// Starting a kernel on the simulated device.
#pragma once

#include <cuda_runtime_api.h>

#include <functional>

namespace convoy::sim {

/// Queues a kernel; `thread` is called once per thread of every block, on a fiber of its own.
cudaError_t LaunchKernel(dim3 grid, dim3 block, size_t shared_bytes, cudaStream_t stream,
                         std::function<void()> thread);

}  // namespace convoy::sim
