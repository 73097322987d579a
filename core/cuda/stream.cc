// Streams and events of a GPU, and which stream this thread's work goes to.
#include "core/cuda/stream.h"

#include <array>
#include <atomic>
#include <chrono>
#include <mutex>
#include <thread>
#include <vector>

#include "core/base/error.h"
#include "core/cuda/capture_mode.h"
#include "core/cuda/check.h"
#include "core/cuda/device.h"
#include "core/cuda/pool.h"

#if defined(CONVOY_SIM)
#include "tests/sim/control.h"
#endif

namespace convoy::cuda {
namespace {

constexpr int kMaxDevices = 64;

// What the process keeps of one GPU, from its first use to the end.
struct Context {
  explicit Context(Device device) : pool(device) {}

  cudaStream_t compute = nullptr;
  std::mutex mutex;
  std::vector<cudaEvent_t> events;  // not in use
  Pool pool;
};

std::array<std::atomic<Context*>, kMaxDevices> contexts{};
// Streams of StreamScopes; null where there is none.
thread_local std::array<cudaStream_t, kMaxDevices> scopes{};
thread_local std::pair<Interrupt, void*> interrupt{nullptr, nullptr};
std::atomic<int64_t> host_waits{0};

Context& MakeContext(Device device) {
  CONVOY_CHECK(device.type == DeviceType::kCuda, "[CUDA] {} is no GPU", device.ToString());
  CONVOY_CHECK(device.index < kMaxDevices, "[CUDA] {}: at most {} GPUs are supported",
               device.ToString(), kMaxDevices);
  Info(device);  // says what is wrong with the device, if anything
  static std::mutex mutex;
  const std::lock_guard lock(mutex);
  std::atomic<Context*>& slot = contexts[static_cast<size_t>(device.index)];
  if (slot.load() == nullptr) {
    const DeviceGuard guard(device);
    auto context = std::make_unique<Context>(device);
    CONVOY_CUDA(cudaStreamCreateWithPriority(&context->compute, cudaStreamNonBlocking, 0));
    slot.store(context.release());
  }
  return *slot.load();
}

Context& ContextOf(Device device) {
  if (device.type == DeviceType::kCuda && device.index < kMaxDevices) [[likely]] {
    Context* context = contexts[static_cast<size_t>(device.index)].load(std::memory_order_acquire);
    if (context != nullptr) [[likely]]
      return *context;
  }
  return MakeContext(device);
}

// Polls, so that an interrupt can end the wait: first in a tight loop, since most waits are short.
template <typename Query>
void WaitOnHost(const Query& done) {
  host_waits.fetch_add(1, std::memory_order_relaxed);
  const auto start = std::chrono::steady_clock::now();
  while (!done()) {
    if (std::chrono::steady_clock::now() - start < std::chrono::microseconds(50)) continue;
    if (interrupt.first != nullptr) interrupt.first(interrupt.second);
    std::this_thread::sleep_for(std::chrono::microseconds(20));
  }
  // The wait may be over because what the device was in was aborted.
  if (interrupt.first != nullptr) interrupt.first(interrupt.second);
}

}  // namespace

cudaStream_t Use(Device device) {
  Context& context = ContextOf(device);
  int current = -1;  // stays so if the current device is lost
  if (cudaGetDevice(&current) != cudaSuccess || current != device.index) {
    CONVOY_CUDA(cudaSetDevice(device.index));
  }
  const cudaStream_t scope = scopes[static_cast<size_t>(device.index)];
  return scope != nullptr ? scope : context.compute;
}

cudaStream_t ComputeStream(Device device) { return ContextOf(device).compute; }

Pool& PoolOf(Device device) { return ContextOf(device).pool; }

Stream::Stream(Device device, Priority priority) : device_(device) {
  ContextOf(device);
  const DeviceGuard guard(device);
  int least = 0, greatest = 0;
  CONVOY_CUDA(cudaDeviceGetStreamPriorityRange(&least, &greatest));
  CONVOY_CUDA(cudaStreamCreateWithPriority(&stream_, cudaStreamNonBlocking,
                                           priority == Priority::kHigh ? greatest : least));
}

Stream::~Stream() {
  if (stream_ == nullptr) return;
  try {
    PoolOf(device_).StreamEnds(stream_);
  } catch (const Error&) {
    // The device is lost; so is its memory.
  }
  cudaStreamDestroy(stream_);
}

StreamScope::StreamScope(const Stream& stream)
    : device_(stream.device()),
      before_(std::exchange(scopes[static_cast<size_t>(device_.index)], stream.get())) {}

StreamScope::~StreamScope() { scopes[static_cast<size_t>(device_.index)] = before_; }

Event::Event(Device device) : device_(device) {
  Context& context = ContextOf(device);
  {
    const std::lock_guard lock(context.mutex);
    if (!context.events.empty()) {
      event_ = context.events.back();
      context.events.pop_back();
      return;
    }
  }
  const DeviceGuard guard(device);
  CONVOY_CUDA(cudaEventCreateWithFlags(&event_, cudaEventDisableTiming));
}

Event::~Event() {
  if (event_ == nullptr) return;
  Context& context = ContextOf(device_);
  const std::lock_guard lock(context.mutex);
  context.events.push_back(event_);
}

void Event::Record(cudaStream_t stream) const {
  CONVOY_CUDA(cudaEventRecord(event_, stream));
  recorded_ = true;
}

void Event::MakeWait(cudaStream_t stream, [[maybe_unused]] const char* site) const {
#if defined(CONVOY_SIM)
  if (sim::SkipWait(site)) return;
#endif
  if (!recorded_) return;
  CONVOY_CUDA(cudaStreamWaitEvent(stream, event_, 0));
}

bool Event::Done() const {
  if (!recorded_) return true;
  const AllowInRecording allow;
  const cudaError_t state = cudaEventQuery(event_);
  if (state == cudaSuccess) return true;
  cudaGetLastError();  // "not ready" must not show up at the next call
  if (state == cudaErrorNotReady) return false;
  internal::FailCall(state, "cudaEventQuery", __FILE__, __LINE__);
}

void Synchronize(cudaStream_t stream) {
  CONVOY_CHECK(!recording_graph, "[CUDA] the host cannot wait for a GPU while a graph is recorded");
  int device = 0;
  CONVOY_CUDA(cudaStreamGetDevice(stream, &device));
  Event event(Device::Cuda(device));
  event.Record(stream);
  Synchronize(event);
}

void Synchronize(const Event& event) {
  WaitOnHost([&event] { return event.Done(); });
}

int64_t HostWaits() { return host_waits.load(std::memory_order_relaxed); }

std::pair<Interrupt, void*> SetInterrupt(Interrupt function, void* context) {
  return std::exchange(interrupt, std::pair(function, context));
}

}  // namespace convoy::cuda
