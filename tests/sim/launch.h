// Giving work to a stream of the simulated device.
#pragma once

#include <cuda_runtime_api.h>

#include <functional>

namespace convoy::sim {

/// Queues a kernel; `thread` is called once per thread of every block, on a fiber.
cudaError_t LaunchKernel(dim3 grid, dim3 block, size_t shared_bytes, cudaStream_t stream,
                         std::function<void()> thread);

/// Queues `work`, which the stream's own thread calls when its turn has come; if the stream is
/// being captured, it becomes a node of the graph, and is called at every launch. The way in which
/// the fakes of libraries do their work. As a kernel's launch, it wants the stream's device to be
/// the current one.
cudaError_t Enqueue(cudaStream_t stream, std::function<void()> work);

/// The device that a stream belongs to (for the null stream: the current one).
int DeviceOf(cudaStream_t stream);

/// Whether work given to this stream now goes into a graph.
bool Capturing(cudaStream_t stream);

}  // namespace convoy::sim
