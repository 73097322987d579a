// The CUDA runtime's functions for devices and errors, on simulated devices.
#include <cuda_runtime_api.h>

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "tests/sim/capture.h"
#include "tests/sim/state.h"
#include "tests/sim/stream.h"

namespace {

using namespace convoy::sim;

constexpr auto kRelaxed = std::memory_order_relaxed;

int Devices() { return GetSettings().devices.load(kRelaxed); }
int IdentityOf(int device) { return GetSettings().identities[device].load(kRelaxed); }

// Small: kernels that spread over the multiprocessors then take several rounds here as well.
constexpr int kMultiprocessors = 4;
constexpr int kMaxSharedBytes = 227 << 10;

#define SIM_ERRORS(X)                                                                              \
  X(cudaSuccess, "no error")                                                                       \
  X(cudaErrorInvalidValue, "invalid argument")                                                     \
  X(cudaErrorMemoryAllocation, "out of memory")                                                    \
  X(cudaErrorInitializationError, "initialization error")                                          \
  X(cudaErrorInvalidConfiguration, "invalid configuration argument")                               \
  X(cudaErrorInvalidMemcpyDirection, "invalid copy direction for memcpy")                          \
  X(cudaErrorInsufficientDriver, "CUDA driver version is insufficient for CUDA runtime version")   \
  X(cudaErrorNoDevice, "no CUDA-capable device is detected")                                       \
  X(cudaErrorInvalidDevice, "invalid device ordinal")                                              \
  X(cudaErrorNoKernelImageForDevice, "no kernel image is available for execution on the device")   \
  X(cudaErrorECCUncorrectable, "uncorrectable ECC error encountered")                              \
  X(cudaErrorInvalidResourceHandle, "invalid resource handle")                                     \
  X(cudaErrorIllegalState, "the operation cannot be performed in the present state")               \
  X(cudaErrorNotReady, "device not ready")                                                         \
  X(cudaErrorIllegalAddress, "an illegal memory access was encountered")                           \
  X(cudaErrorLaunchOutOfResources, "too many resources requested for launch")                      \
  X(cudaErrorLaunchTimeout, "the launch timed out and was terminated")                             \
  X(cudaErrorPeerAccessAlreadyEnabled, "peer access is already enabled")                           \
  X(cudaErrorPeerAccessNotEnabled, "peer access has not been enabled")                             \
  X(cudaErrorAssert, "device-side assert triggered")                                               \
  X(cudaErrorHostMemoryAlreadyRegistered,                                                          \
    "part or all of the requested memory range is already mapped")                                 \
  X(cudaErrorHostMemoryNotRegistered, "pointer does not correspond to a registered memory region") \
  X(cudaErrorMisalignedAddress, "misaligned address")                                              \
  X(cudaErrorLaunchFailure, "unspecified launch failure")                                          \
  X(cudaErrorNotPermitted, "operation not permitted")                                              \
  X(cudaErrorNotSupported, "operation not supported")                                              \
  X(cudaErrorSystemNotReady, "system not yet initialized")                                         \
  X(cudaErrorStreamCaptureUnsupported, "operation not permitted when stream is capturing")         \
  X(cudaErrorStreamCaptureInvalidated, "operation failed due to a previous error during capture")  \
  X(cudaErrorStreamCaptureMerge,                                                                   \
    "operation would result in a merge of separate capture sequences")                             \
  X(cudaErrorStreamCaptureUnmatched, "capture was not ended in the same stream as it began")       \
  X(cudaErrorStreamCaptureUnjoined, "capturing stream has unjoined work")                          \
  X(cudaErrorStreamCaptureIsolation, "dependency created on uncaptured work in another stream")    \
  X(cudaErrorStreamCaptureImplicit,                                                                \
    "operation would make the legacy stream depend on a capturing blocking stream")                \
  X(cudaErrorCapturedEvent,                                                                        \
    "operation not permitted on an event last recorded in a capturing stream")                     \
  X(cudaErrorStreamCaptureWrongThread,                                                             \
    "attempt to terminate a thread-local capture sequence from another thread")                    \
  X(cudaErrorUnknown, "unknown error")

}  // namespace

extern "C" {

const char* cudaGetErrorName(cudaError_t error) {
  switch (error) {
#define SIM_NAME(code, text) \
  case code:                 \
    return #code;
    SIM_ERRORS(SIM_NAME)
    default:
      return "unrecognized error code";
  }
}

const char* cudaGetErrorString(cudaError_t error) {
  switch (error) {
#define SIM_TEXT(code, text) \
  case code:                 \
    return text;
    SIM_ERRORS(SIM_TEXT)
    default:
      return "unrecognized error code";
  }
}

cudaError_t cudaGetLastError() { return LastError(true); }
cudaError_t cudaPeekAtLastError() { return LastError(false); }

cudaError_t cudaDriverGetVersion(int* version) {
  if (version == nullptr) return Result(cudaErrorInvalidValue);
  const Driver driver = GetSettings().driver.load(kRelaxed);
  *version = driver == Driver::kMissing ? 0 : driver == Driver::kOld ? 12040 : CUDART_VERSION;
  return cudaSuccess;
}

cudaError_t cudaRuntimeGetVersion(int* version) {
  if (version == nullptr) return Result(cudaErrorInvalidValue);
  *version = CUDART_VERSION;
  return cudaSuccess;
}

cudaError_t cudaGetDeviceCount(int* count) {
  if (count == nullptr) return Result(cudaErrorInvalidValue);
  *count = 0;
  SIM_ENTER();
  *count = Devices();
  return cudaSuccess;
}

cudaError_t cudaSetDevice(int device) {
  if (device >= 0 && device < Devices()) SetCurrentDevice(device);  // or Enter would ask the last
  SIM_ENTER();
  return device >= 0 && device < Devices() ? cudaSuccess : Result(cudaErrorInvalidDevice);
}

cudaError_t cudaGetDevice(int* device) {
  SIM_ENTER();
  if (device == nullptr) return Result(cudaErrorInvalidValue);
  *device = CurrentDevice();
  return cudaSuccess;
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* prop, int device) {
  SIM_ENTER();
  if (prop == nullptr) return Result(cudaErrorInvalidValue);
  if (device < 0 || device >= Devices()) return Result(cudaErrorInvalidDevice);
  *prop = {};
  std::snprintf(prop->name, sizeof(prop->name), "Simulated device");
  prop->totalGlobalMem = GetSettings().memory.load(kRelaxed);
  prop->sharedMemPerBlock = 48 << 10;
  prop->sharedMemPerBlockOptin = kMaxSharedBytes;
  prop->sharedMemPerMultiprocessor = 228 << 10;
  prop->regsPerBlock = 65536;
  prop->warpSize = 32;
  prop->maxThreadsPerBlock = 1024;
  prop->maxThreadsDim[0] = prop->maxThreadsDim[1] = 1024;
  prop->maxThreadsDim[2] = 64;
  prop->maxGridSize[0] = 0x7fffffff;
  prop->maxGridSize[1] = prop->maxGridSize[2] = 65535;
  prop->major = 9;
  prop->multiProcessorCount = kMultiprocessors;
  prop->maxThreadsPerMultiProcessor = 2048;
  prop->maxBlocksPerMultiProcessor = 32;
  prop->l2CacheSize = 50 << 20;
  prop->concurrentKernels = 1;
  prop->asyncEngineCount = 2;
  prop->unifiedAddressing = 1;
  prop->streamPrioritiesSupported = 1;
  prop->memoryPoolsSupported = 1;
  prop->canMapHostMemory = 1;
  prop->hostRegisterSupported = 1;
  prop->pciBusID = IdentityOf(device) + 1;
  std::memset(prop->uuid.bytes, 0x51, sizeof(prop->uuid.bytes));
  prop->uuid.bytes[15] = static_cast<char>(IdentityOf(device));
  return cudaSuccess;
}

cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int device) {
  SIM_ENTER();
  if (value == nullptr) return Result(cudaErrorInvalidValue);
  cudaDeviceProp prop;
  if (const cudaError_t error = cudaGetDeviceProperties(&prop, device)) return error;
  switch (attribute) {
#define SIM_ATTRIBUTE(name, field)         \
  case name:                               \
    *value = static_cast<int>(prop.field); \
    return cudaSuccess;
    SIM_ATTRIBUTE(cudaDevAttrMaxThreadsPerBlock, maxThreadsPerBlock)
    SIM_ATTRIBUTE(cudaDevAttrMaxBlockDimX, maxThreadsDim[0])
    SIM_ATTRIBUTE(cudaDevAttrMaxGridDimX, maxGridSize[0])
    SIM_ATTRIBUTE(cudaDevAttrMaxGridDimY, maxGridSize[1])
    SIM_ATTRIBUTE(cudaDevAttrMaxSharedMemoryPerBlock, sharedMemPerBlock)
    SIM_ATTRIBUTE(cudaDevAttrMaxSharedMemoryPerBlockOptin, sharedMemPerBlockOptin)
    SIM_ATTRIBUTE(cudaDevAttrMaxSharedMemoryPerMultiprocessor, sharedMemPerMultiprocessor)
    SIM_ATTRIBUTE(cudaDevAttrWarpSize, warpSize)
    SIM_ATTRIBUTE(cudaDevAttrMultiProcessorCount, multiProcessorCount)
    SIM_ATTRIBUTE(cudaDevAttrMaxThreadsPerMultiProcessor, maxThreadsPerMultiProcessor)
    SIM_ATTRIBUTE(cudaDevAttrMaxBlocksPerMultiprocessor, maxBlocksPerMultiProcessor)
    SIM_ATTRIBUTE(cudaDevAttrL2CacheSize, l2CacheSize)
    SIM_ATTRIBUTE(cudaDevAttrComputeCapabilityMajor, major)
    SIM_ATTRIBUTE(cudaDevAttrComputeCapabilityMinor, minor)
    SIM_ATTRIBUTE(cudaDevAttrMemoryPoolsSupported, memoryPoolsSupported)
    SIM_ATTRIBUTE(cudaDevAttrHostRegisterSupported, hostRegisterSupported)
    SIM_ATTRIBUTE(cudaDevAttrConcurrentKernels, concurrentKernels)
    SIM_ATTRIBUTE(cudaDevAttrAsyncEngineCount, asyncEngineCount)
    SIM_ATTRIBUTE(cudaDevAttrPciBusId, pciBusID)
#undef SIM_ATTRIBUTE
    default:
      return Result(cudaErrorNotSupported);  // add it above
  }
}

cudaError_t cudaDeviceGetPCIBusId(char* id, int length, int device) {
  SIM_ENTER();
  if (id == nullptr || length < 13) return Result(cudaErrorInvalidValue);
  if (device < 0 || device >= Devices()) return Result(cudaErrorInvalidDevice);
  std::snprintf(id, static_cast<size_t>(length), "0000:%02X:00.0", IdentityOf(device) + 1);
  return cudaSuccess;
}

cudaError_t cudaDeviceCanAccessPeer(int* can, int device, int peer) {
  SIM_ENTER();
  if (can == nullptr) return Result(cudaErrorInvalidValue);
  if (device < 0 || device >= Devices() || peer < 0 || peer >= Devices()) {
    return Result(cudaErrorInvalidDevice);
  }
  *can = device != peer;
  return cudaSuccess;
}

cudaError_t cudaDeviceEnablePeerAccess(int peer, unsigned flags) {
  SIM_ENTER();
  if (flags != 0) return Result(cudaErrorInvalidValue);
  if (peer < 0 || peer >= Devices() || peer == CurrentDevice()) {
    return Result(cudaErrorInvalidDevice);
  }
  static std::atomic<uint64_t> enabled[kMaxDevices];
  const uint64_t bit = uint64_t{1} << peer;
  const bool before = (enabled[CurrentDevice()].fetch_or(bit, kRelaxed) & bit) != 0;
  return before ? Result(cudaErrorPeerAccessAlreadyEnabled) : cudaSuccess;
}

cudaError_t cudaDeviceGetStreamPriorityRange(int* least, int* greatest) {
  SIM_ENTER();
  if (least != nullptr) *least = 0;
  if (greatest != nullptr) *greatest = -5;
  return cudaSuccess;
}

cudaError_t cudaDeviceSynchronize() {
  SIM_ENTER();
  if (const cudaError_t error = CheckUnsafeCall()) return Result(error);
  GetSettings().host_syncs.fetch_add(1, kRelaxed);
  SynchronizeDevice(CurrentDevice());
  return Result(GetDevice(CurrentDevice()).broken.load(kRelaxed));
}

cudaError_t cudaDeviceReset() { return cudaDeviceSynchronize(); }

cudaError_t cudaFuncSetAttribute(const void* function, cudaFuncAttribute attribute, int value) {
  SIM_ENTER();
  if (function == nullptr || value < 0) return Result(cudaErrorInvalidValue);
  if (attribute == cudaFuncAttributeMaxDynamicSharedMemorySize && value > kMaxSharedBytes) {
    return Result(cudaErrorInvalidValue);
  }
  return cudaSuccess;
}

}  // extern "C"
