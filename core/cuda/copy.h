// Copies between the host and GPUs, and between GPUs.
#pragma once

#include <cstddef>
#include <memory>

#include "core/backend.h"

namespace convoy::cuda {

/// From ordinary host memory, which may be changed or freed as soon as this returns. The host does
/// not wait: the copy is queued on the device's current stream.
void CopyFromHost(Device device, void* to, const void* from, size_t bytes);

/// To ordinary host memory. The host waits.
void CopyToHost(void* to, Device device, const void* from, size_t bytes);

/// Queued behind the device's work so far; nobody waits.
std::unique_ptr<HostCopy> StartCopyToHost(Device device, const void* from, size_t bytes);

/// Within one GPU, or from one to another: there, both current streams are put in order, so that
/// what was written before is copied and what is written afterwards is not.
void CopyOnDevices(Device to_device, void* to, Device from_device, const void* from, size_t bytes);

}  // namespace convoy::cuda
