// What the simulated runtime knows of addresses: device memory, pinned host memory, other memory.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>

namespace convoy::sim {

struct Range {
  const std::byte* begin = nullptr;
  size_t bytes = 0;
  cudaMemoryType type = cudaMemoryTypeUnregistered;
  int device = 0;
  bool registered = false;  // by cudaHostRegister: not ours to free
};

/// The allocation that an address lies in; of type cudaMemoryTypeUnregistered if in none.
Range FindRange(const void* address);

/// Memory of exactly that size, so that AddressSanitizer sees an overrun, full of NaN.
cudaError_t AllocateDevice(int device, size_t bytes, void** to);
/// Allocates pinned memory.
cudaError_t AllocateHost(size_t bytes, int device, void** to);
/// Enters memory of the host's as pinned.
cudaError_t RegisterHost(void* address, size_t bytes, int device);

/// Takes the allocation that begins at `address` out of the table; of type
/// cudaMemoryTypeUnregistered if there is none of that type. Its memory is the caller's to Release.
Range Forget(const void* address, cudaMemoryType type);
/// Frees device or pinned memory, filling it with NaN first: who still reads it shall notice.
void Release(const Range& range);

}  // namespace convoy::sim
