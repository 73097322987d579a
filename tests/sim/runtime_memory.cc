// The CUDA runtime's functions for memory and copies, on simulated devices.
#include <cuda_runtime_api.h>

#include <cstring>
#include <memory>
#include <vector>

#include "tests/sim/capture.h"
#include "tests/sim/event.h"
#include "tests/sim/launch.h"
#include "tests/sim/memory.h"
#include "tests/sim/state.h"
#include "tests/sim/stream.h"

namespace {

using namespace convoy::sim;

constexpr auto kRelaxed = std::memory_order_relaxed;

void CountHostSync() { GetSettings().host_syncs.fetch_add(1, kRelaxed); }

// Waits for a stream as a synchronous call does.
cudaError_t WaitFor(cudaStream_t handle) {
  CountHostSync();
  Stream* stream = StreamOf(handle);
  if (!stream->Idle()) stream->Mark()->Await();
  return GetDevice(stream->device()).broken.load(kRelaxed);
}

// One end of a copy: where it lies, and whether all of it does.
struct End {
  cudaMemoryType type;
  bool inside;
};

End Look(const void* address, size_t bytes) {
  const Range range = FindRange(address);
  const auto* at = static_cast<const std::byte*>(address);
  return {range.type, range.type == cudaMemoryTypeUnregistered ||
                          bytes <= static_cast<size_t>(range.begin + range.bytes - at)};
}

bool Fits(cudaMemcpyKind kind, cudaMemoryType to, cudaMemoryType from) {
  const bool to_device = to == cudaMemoryTypeDevice, from_device = from == cudaMemoryTypeDevice;
  switch (kind) {
    case cudaMemcpyHostToHost:
      return !to_device && !from_device;
    case cudaMemcpyHostToDevice:
      return to_device && !from_device;
    case cudaMemcpyDeviceToHost:
      return !to_device && from_device;
    case cudaMemcpyDeviceToDevice:
      return to_device && from_device;
    case cudaMemcpyDefault:
      return true;
  }
  return false;
}

cudaError_t Copy(void* to, const void* from, size_t bytes, cudaMemcpyKind kind,
                 cudaStream_t stream) {
  if (bytes == 0) return cudaSuccess;
  if (to == nullptr || from == nullptr) return cudaErrorInvalidValue;
  const End target = Look(to, bytes), source = Look(from, bytes);
  if (!target.inside || !source.inside || !Fits(kind, target.type, source.type)) {
    return cudaErrorInvalidValue;
  }
  const bool from_pageable = source.type == cudaMemoryTypeUnregistered;
  const bool to_pageable = target.type == cudaMemoryTypeUnregistered;
  if (!from_pageable && !to_pageable) {
    return Submit(stream, false, {OpKind::kCopy, [=] { std::memcpy(to, from, bytes); }});
  }
  if (Capturing(stream)) {
    const std::lock_guard lock(stream->host_mutex);
    stream->capture->Invalidate();
    return cudaErrorStreamCaptureUnsupported;
  }
  if (!to_pageable) {
    // Staged at once: the source may change when the call has returned.
    GetSettings().pageable_copies.fetch_add(1, kRelaxed);
    const auto* begin = static_cast<const std::byte*>(from);
    auto staged = std::make_shared<std::vector<std::byte>>(begin, begin + bytes);
    return Submit(stream, false, {OpKind::kCopy, [to, staged = std::move(staged)] {
                                    std::memcpy(to, staged->data(), staged->size());
                                  }});
  }
  const cudaError_t error =
      Submit(stream, false, {OpKind::kCopy, [=] { std::memcpy(to, from, bytes); }});
  return error != cudaSuccess ? error : WaitFor(stream);
}

cudaError_t Fill(void* at, int value, size_t bytes, cudaStream_t stream) {
  if (bytes == 0) return cudaSuccess;
  const End end = Look(at, bytes);
  if (end.type == cudaMemoryTypeUnregistered || !end.inside) return cudaErrorInvalidValue;
  return Submit(stream, false, {OpKind::kWork, [=] { std::memset(at, value, bytes); }});
}

}  // namespace

extern "C" {

cudaError_t cudaMalloc(void** to, size_t bytes) {
  SIM_ENTER();
  if (to == nullptr) return Result(cudaErrorInvalidValue);
  if (const cudaError_t error = CheckUnsafeCall()) return Result(error);
  *to = nullptr;
  return bytes == 0 ? cudaSuccess : Result(AllocateDevice(CurrentDevice(), bytes, to));
}

cudaError_t cudaFree(void* address) {
  SIM_ENTER();
  if (address == nullptr) return cudaSuccess;
  if (const cudaError_t error = CheckUnsafeCall()) return Result(error);
  const Range range = Forget(address, cudaMemoryTypeDevice);
  if (range.begin == nullptr) return Result(cudaErrorInvalidValue);
  CountHostSync();
  SynchronizeDevice(range.device);
  Release(range);
  return cudaSuccess;
}

cudaError_t cudaMallocAsync(void** to, size_t bytes, cudaStream_t stream) {
  SIM_ENTER();
  if (to == nullptr) return Result(cudaErrorInvalidValue);
  if (Capturing(stream)) return Result(cudaErrorStreamCaptureUnsupported);
  *to = nullptr;
  return bytes == 0 ? cudaSuccess : Result(AllocateDevice(DeviceOf(stream), bytes, to));
}

cudaError_t cudaFreeAsync(void* address, cudaStream_t stream) {
  SIM_ENTER();
  if (address == nullptr) return cudaSuccess;
  if (Capturing(stream)) return Result(cudaErrorStreamCaptureUnsupported);
  const Range range = Forget(address, cudaMemoryTypeDevice);
  if (range.begin == nullptr) return Result(cudaErrorInvalidValue);
  return Result(Submit(stream, false, {OpKind::kControl, [range] { Release(range); }}));
}

cudaError_t cudaMemGetInfo(size_t* free, size_t* total) {
  SIM_ENTER();
  const size_t memory = GetSettings().memory.load(kRelaxed);
  const size_t used = GetDevice(CurrentDevice()).used.load(kRelaxed);
  if (total != nullptr) *total = memory;
  if (free != nullptr) *free = used < memory ? memory - used : 0;
  return cudaSuccess;
}

cudaError_t cudaHostAlloc(void** to, size_t bytes, unsigned flags) {
  SIM_ENTER();
  if (to == nullptr || flags > 7) return Result(cudaErrorInvalidValue);
  if (const cudaError_t error = CheckUnsafeCall()) return Result(error);
  *to = nullptr;
  return bytes == 0 ? cudaSuccess : Result(AllocateHost(bytes, CurrentDevice(), to));
}

cudaError_t cudaMallocHost(void** to, size_t bytes) {
  return cudaHostAlloc(to, bytes, cudaHostAllocDefault);
}

cudaError_t cudaFreeHost(void* address) {
  SIM_ENTER();
  if (address == nullptr) return cudaSuccess;
  if (const cudaError_t error = CheckUnsafeCall()) return Result(error);
  const Range range = FindRange(address);
  if (range.begin != address || range.type != cudaMemoryTypeHost || range.registered) {
    return Result(cudaErrorInvalidValue);
  }
  CountHostSync();
  for (int i = 0; i < GetSettings().devices.load(kRelaxed); ++i) SynchronizeDevice(i);
  Release(Forget(address, cudaMemoryTypeHost));
  return cudaSuccess;
}

cudaError_t cudaHostRegister(void* address, size_t bytes, unsigned) {
  SIM_ENTER();
  if (address == nullptr || bytes == 0) return Result(cudaErrorInvalidValue);
  if (const cudaError_t error = CheckUnsafeCall()) return Result(error);
  return Result(RegisterHost(address, bytes, CurrentDevice()));
}

cudaError_t cudaHostUnregister(void* address) {
  SIM_ENTER();
  if (const cudaError_t error = CheckUnsafeCall()) return Result(error);
  const Range range = FindRange(address);
  if (range.begin != address || !range.registered) {
    return Result(cudaErrorHostMemoryNotRegistered);
  }
  Forget(address, cudaMemoryTypeHost);
  return cudaSuccess;
}

cudaError_t cudaHostGetDevicePointer(void** device, void* host, unsigned flags) {
  SIM_ENTER();
  if (device == nullptr || flags != 0) return Result(cudaErrorInvalidValue);
  if (FindRange(host).type != cudaMemoryTypeHost) return Result(cudaErrorInvalidValue);
  *device = host;
  return cudaSuccess;
}

cudaError_t cudaPointerGetAttributes(cudaPointerAttributes* attributes, const void* address) {
  SIM_ENTER();
  if (attributes == nullptr) return Result(cudaErrorInvalidValue);
  *attributes = {};
  const Range range = FindRange(address);
  attributes->type = range.type;
  attributes->device =
      range.type == cudaMemoryTypeUnregistered ? cudaInvalidDeviceId : range.device;
  void* at = const_cast<void*>(address);
  if (range.type != cudaMemoryTypeUnregistered) attributes->devicePointer = at;
  if (range.type != cudaMemoryTypeDevice) attributes->hostPointer = at;
  if (range.type == cudaMemoryTypeUnregistered) attributes->hostPointer = nullptr;
  return cudaSuccess;
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream) {
  SIM_ENTER();
  return Result(Copy(to, from, bytes, kind, stream));
}

cudaError_t cudaMemcpy(void* to, const void* from, size_t bytes, cudaMemcpyKind kind) {
  SIM_ENTER();
  if (const cudaError_t error = CheckUnsafeCall()) return Result(error);
  const cudaError_t error = Copy(to, from, bytes, kind, nullptr);
  return Result(error != cudaSuccess ? error : WaitFor(nullptr));
}

cudaError_t cudaMemcpyPeerAsync(void* to, int to_device, const void* from, int from_device,
                                size_t bytes, cudaStream_t stream) {
  SIM_ENTER();
  const int devices = GetSettings().devices.load(kRelaxed);
  if (to_device < 0 || to_device >= devices || from_device < 0 || from_device >= devices) {
    return Result(cudaErrorInvalidDevice);
  }
  if (bytes != 0 && (FindRange(to).device != to_device || FindRange(from).device != from_device)) {
    return Result(cudaErrorInvalidValue);
  }
  return Result(Copy(to, from, bytes, cudaMemcpyDeviceToDevice, stream));
}

cudaError_t cudaMemcpy2DAsync(void* to, size_t to_pitch, const void* from, size_t from_pitch,
                              size_t width, size_t height, cudaMemcpyKind kind,
                              cudaStream_t stream) {
  SIM_ENTER();
  if (width == 0 || height == 0) return cudaSuccess;
  if (width > to_pitch || width > from_pitch) return Result(cudaErrorInvalidValue);
  const End target = Look(to, to_pitch * (height - 1) + width);
  const End source = Look(from, from_pitch * (height - 1) + width);
  if (!target.inside || !source.inside || !Fits(kind, target.type, source.type)) {
    return Result(cudaErrorInvalidValue);
  }
  if (target.type == cudaMemoryTypeUnregistered || source.type == cudaMemoryTypeUnregistered) {
    return Result(cudaErrorNotSupported);  // nobody copies blocks of pageable memory
  }
  return Result(Submit(stream, false, {OpKind::kCopy, [=] {
                                         for (size_t row = 0; row < height; ++row) {
                                           std::memcpy(static_cast<std::byte*>(to) + row * to_pitch,
                                                       static_cast<const std::byte*>(from) +
                                                           row * from_pitch,
                                                       width);
                                         }
                                       }}));
}

cudaError_t cudaMemsetAsync(void* at, int value, size_t bytes, cudaStream_t stream) {
  SIM_ENTER();
  return Result(Fill(at, value, bytes, stream));
}

cudaError_t cudaMemset(void* at, int value, size_t bytes) {
  SIM_ENTER();
  if (const cudaError_t error = CheckUnsafeCall()) return Result(error);
  return Result(Fill(at, value, bytes, nullptr));
}

}  // extern "C"
