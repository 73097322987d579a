// The CUDA runtime's functions for streams and events, on simulated devices.
#include <cuda_runtime_api.h>

#include <algorithm>
#include <mutex>
#include <vector>

#include "tests/sim/capture.h"
#include "tests/sim/event.h"
#include "tests/sim/launch.h"
#include "tests/sim/state.h"
#include "tests/sim/stream.h"

namespace {

using namespace convoy::sim;

constexpr auto kRelaxed = std::memory_order_relaxed;
constexpr int kGreatestPriority = -5;

bool CapturingNow(Stream* stream) {
  const std::lock_guard lock(stream->host_mutex);
  return stream->CapturingLocked();
}

// A call about work that is being captured: it spoils the capture.
cudaError_t RefuseWhileCapturing(Stream* stream) {
  const std::lock_guard lock(stream->host_mutex);
  if (!stream->CapturingLocked()) return cudaSuccess;
  stream->capture->Invalidate();
  return cudaErrorStreamCaptureUnsupported;
}

cudaError_t BrokenError(int device) { return GetDevice(device).broken.load(kRelaxed); }

}  // namespace

namespace convoy::sim {

int DeviceOf(cudaStream_t stream) {
  return stream == nullptr || stream == cudaStreamLegacy ? CurrentDevice() : stream->device();
}

bool Capturing(cudaStream_t stream) { return CapturingNow(StreamOf(stream)); }

void LagStream(cudaStream_t stream, bool lags) { StreamOf(stream)->SetLags(lags); }

cudaError_t Submit(cudaStream_t handle, bool device_matters, Work work) {
  Stream* stream = StreamOf(handle);
  if (stream == nullptr) return cudaErrorInvalidResourceHandle;
  if (device_matters && stream->device() != CurrentDevice()) return cudaErrorInvalidResourceHandle;
  if (handle == nullptr && NullStreamIsCaptured(stream->device())) {
    return cudaErrorStreamCaptureImplicit;
  }
  OrderWithNullStream(stream);
  return stream->Submit(std::move(work));
}

cudaError_t Enqueue(cudaStream_t stream, std::function<void()> work) {
  return Submit(stream, true, {OpKind::kWork, std::move(work)});
}

}  // namespace convoy::sim

extern "C" {

cudaError_t cudaStreamCreateWithPriority(cudaStream_t* stream, unsigned flags, int priority) {
  SIM_ENTER();
  if (stream == nullptr || flags > cudaStreamNonBlocking) return Result(cudaErrorInvalidValue);
  *stream = static_cast<cudaStream_t>(MakeStream(CurrentDevice(), flags == cudaStreamNonBlocking,
                                                 std::clamp(priority, kGreatestPriority, 0)));
  return cudaSuccess;
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags) {
  return cudaStreamCreateWithPriority(stream, flags, 0);
}

cudaError_t cudaStreamCreate(cudaStream_t* stream) {
  return cudaStreamCreateWithPriority(stream, cudaStreamDefault, 0);
}

cudaError_t cudaStreamDestroy(cudaStream_t handle) {
  if (handle == nullptr || handle == cudaStreamLegacy || handle == cudaStreamPerThread) {
    return Result(cudaErrorInvalidResourceHandle);
  }
  RefuseWhileCapturing(handle);
  DestroyStream(handle);
  return cudaSuccess;
}

cudaError_t cudaStreamGetPriority(cudaStream_t handle, int* priority) {
  SIM_ENTER();
  *priority = StreamOf(handle)->priority();
  return cudaSuccess;
}

cudaError_t cudaStreamGetFlags(cudaStream_t handle, unsigned* flags) {
  SIM_ENTER();
  *flags = StreamOf(handle)->non_blocking() ? cudaStreamNonBlocking : cudaStreamDefault;
  return cudaSuccess;
}

cudaError_t cudaStreamGetDevice(cudaStream_t handle, int* device) {
  SIM_ENTER();
  *device = DeviceOf(handle);
  return cudaSuccess;
}

cudaError_t cudaStreamQuery(cudaStream_t handle) {
  SIM_ENTER();
  Stream* stream = StreamOf(handle);
  if (const cudaError_t error = RefuseWhileCapturing(stream)) return Result(error);
  if (const cudaError_t error = CheckUnsafeCall()) return Result(error);
  if (!stream->Idle()) return Result(cudaErrorNotReady);
  return Result(BrokenError(stream->device()));
}

cudaError_t cudaStreamSynchronize(cudaStream_t handle) {
  SIM_ENTER();
  Stream* stream = StreamOf(handle);
  if (const cudaError_t error = RefuseWhileCapturing(stream)) return Result(error);
  if (const cudaError_t error = CheckUnsafeCall()) return Result(error);
  GetSettings().host_syncs.fetch_add(1, kRelaxed);
  if (!stream->Idle()) stream->Mark()->Await();
  return Result(BrokenError(stream->device()));
}

cudaError_t cudaStreamWaitEvent(cudaStream_t handle, cudaEvent_t event, unsigned flags) {
  SIM_ENTER();
  if (flags != cudaEventWaitDefault || event == nullptr) return Result(cudaErrorInvalidValue);
  Stream* stream = StreamOf(handle);
  if (stream == nullptr) return Result(cudaErrorInvalidResourceHandle);
  const std::lock_guard event_lock(event->mutex);
  {
    const std::lock_guard lock(stream->host_mutex);
    const bool capturing = stream->CapturingLocked();
    if (event->capture) {
      if (event->capture->ended()) return Result(cudaErrorCapturedEvent);
      if (!capturing) {
        stream->capture = event->capture;
        stream->capture_tails.clear();
      } else if (stream->capture.get() != event->capture.get()) {
        stream->capture->Invalidate();
        event->capture->Invalidate();
        return Result(cudaErrorStreamCaptureMerge);
      }
      auto& tails = stream->capture_tails;
      for (const int node : event->tails) {
        if (std::find(tails.begin(), tails.end(), node) == tails.end()) tails.push_back(node);
      }
      return cudaSuccess;
    }
    if (capturing) {
      stream->capture->Invalidate();
      return Result(cudaErrorStreamCaptureIsolation);
    }
  }
  if (event->marker) stream->WaitFor(event->marker);
  return cudaSuccess;
}

cudaError_t cudaLaunchHostFunc(cudaStream_t stream, cudaHostFn_t function, void* data) {
  SIM_ENTER();
  if (function == nullptr) return Result(cudaErrorInvalidValue);
  return Result(Submit(stream, false, {OpKind::kHost, [=] { function(data); }}));
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned flags) {
  SIM_ENTER();
  if (event == nullptr || (flags & cudaEventInterprocess) != 0) {
    return Result(cudaErrorInvalidValue);
  }
  *event = new CUevent_st;
  (*event)->device = CurrentDevice();
  (*event)->timing = (flags & cudaEventDisableTiming) == 0;
  return cudaSuccess;
}

cudaError_t cudaEventCreate(cudaEvent_t* event) {
  return cudaEventCreateWithFlags(event, cudaEventDefault);
}

cudaError_t cudaEventDestroy(cudaEvent_t event) {
  if (event == nullptr) return Result(cudaErrorInvalidResourceHandle);
  delete event;
  return cudaSuccess;
}

cudaError_t cudaEventRecordWithFlags(cudaEvent_t event, cudaStream_t handle, unsigned flags) {
  SIM_ENTER();
  if (event == nullptr || flags != cudaEventRecordDefault) return Result(cudaErrorInvalidValue);
  Stream* stream = StreamOf(handle);
  if (stream == nullptr || stream->device() != event->device) {
    return Result(cudaErrorInvalidResourceHandle);
  }
  const std::lock_guard event_lock(event->mutex);
  {
    const std::lock_guard lock(stream->host_mutex);
    if (stream->CapturingLocked()) {
      if (stream->capture->invalid()) return Result(cudaErrorStreamCaptureInvalidated);
      event->capture = stream->capture;
      event->tails = stream->capture_tails;
      event->marker = nullptr;
      return cudaSuccess;
    }
  }
  event->capture = nullptr;
  event->tails.clear();
  event->marker = stream->Mark();
  return cudaSuccess;
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  return cudaEventRecordWithFlags(event, stream, cudaEventRecordDefault);
}

// An event that is looked at: it must not be one of a capture.
static cudaError_t LookAt(cudaEvent_t event, Ref<Marker>* marker) {
  if (event == nullptr) return cudaErrorInvalidResourceHandle;
  if (const cudaError_t error = CheckUnsafeCall()) return error;
  const std::lock_guard lock(event->mutex);
  if (event->capture) {
    event->capture->Invalidate();
    return cudaErrorCapturedEvent;
  }
  *marker = event->marker;
  return cudaSuccess;
}

cudaError_t cudaEventQuery(cudaEvent_t event) {
  SIM_ENTER();
  Ref<Marker> marker;
  if (const cudaError_t error = LookAt(event, &marker)) return Result(error);
  if (!marker || marker->Reached()) return Result(BrokenError(event->device));
  marker->Demand();
  return Result(cudaErrorNotReady);
}

cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  SIM_ENTER();
  Ref<Marker> marker;
  if (const cudaError_t error = LookAt(event, &marker)) return Result(error);
  GetSettings().host_syncs.fetch_add(1, kRelaxed);
  if (marker) marker->Await();
  return Result(BrokenError(event->device));
}

cudaError_t cudaEventElapsedTime(float* ms, cudaEvent_t start, cudaEvent_t end) {
  SIM_ENTER();
  Ref<Marker> from, to;
  if (ms == nullptr) return Result(cudaErrorInvalidValue);
  if (const cudaError_t error = LookAt(start, &from)) return Result(error);
  if (const cudaError_t error = LookAt(end, &to)) return Result(error);
  if (!from || !to || !start->timing || !end->timing || start->device != end->device) {
    return Result(cudaErrorInvalidResourceHandle);
  }
  if (!from->Reached() || !to->Reached()) return Result(cudaErrorNotReady);
  *ms = static_cast<float>(to->time_ns() - from->time_ns()) / 1e6f;
  return cudaSuccess;
}

}  // extern "C"
