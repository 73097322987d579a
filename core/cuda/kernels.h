// The kernels of the core itself.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

#include "core/device.h"
#include "core/dtype.h"

namespace convoy::cuda {

/// to[i] += from[i] for a floating dtype.
void AddInto(Device device, void* to, const void* from, DType dtype, int64_t numel);
/// to[i] = value, converted to the dtype.
void Fill(Device device, void* to, DType dtype, double value, int64_t numel);

}  // namespace convoy::cuda
