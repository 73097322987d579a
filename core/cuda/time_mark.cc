// Moments in a stream's work, on the host's clock (core/time_mark.h).
#include "core/cuda/time_mark.h"

#include <map>
#include <mutex>
#include <utility>
#include <vector>

#include "core/cuda/capture_mode.h"
#include "core/cuda/check.h"
#include "core/cuda/stream.h"

namespace convoy::cuda {
namespace {

using Clock = TimeMark::Clock;
using Milliseconds = std::chrono::duration<double, std::milli>;

// cudaEventElapsedTime answers in f32: over more than this a microsecond would be lost.
constexpr Milliseconds kFar{1000};

class TimedEvent;

// What the marks of a device share: events that are not in use, and a moment known on both clocks.
struct Timer {
  std::mutex mutex;
  std::vector<cudaEvent_t> free;
  std::shared_ptr<const TimedEvent> anchor;
  Clock::time_point anchor_at;
};

Timer& TimerOf(Device device) {
  static std::mutex mutex;
  static auto* const timers = new std::map<int, Timer>;  // marks may outlive anything
  const std::lock_guard lock(mutex);
  return (*timers)[device.index];
}

// An event with timing, from the pool.
class TimedEvent {
 public:
  TimedEvent(Device device, cudaStream_t stream) : timer_(TimerOf(device)) {
    {
      const std::lock_guard lock(timer_.mutex);
      if (!timer_.free.empty()) {
        event_ = timer_.free.back();
        timer_.free.pop_back();
      }
    }
    if (event_ == nullptr) {
      Use(device);
      CONVOY_CUDA(cudaEventCreate(&event_));
    }
    CONVOY_CUDA(cudaEventRecord(event_, stream));
  }
  ~TimedEvent() {
    const std::lock_guard lock(timer_.mutex);
    timer_.free.push_back(event_);
  }
  TimedEvent(const TimedEvent&) = delete;
  TimedEvent& operator=(const TimedEvent&) = delete;

  Timer& timer() const { return timer_; }
  cudaEvent_t get() const { return event_; }

 private:
  Timer& timer_;
  cudaEvent_t event_ = nullptr;
};

class StreamMark final : public TimeMark {
 public:
  explicit StreamMark(std::shared_ptr<const TimedEvent> event) : event_(std::move(event)) {}

  std::optional<Clock::time_point> at() const override {
    Timer& timer = event_->timer();
    std::shared_ptr<const TimedEvent> old_anchor;  // goes after the lock, which its end takes
    const std::lock_guard lock(timer.mutex);
    if (at_) return at_;
    float ms = 0;
    if (cudaEventElapsedTime(&ms, timer.anchor->get(), event_->get()) != cudaSuccess) {
      cudaGetLastError();  // not there yet
      return {};
    }
    const Milliseconds since(ms);
    at_ = timer.anchor_at + std::chrono::duration_cast<Clock::duration>(since);
    if (since > kFar) {
      old_anchor = std::exchange(timer.anchor, event_);
      timer.anchor_at = *at_;
    }
    return at_;
  }

 private:
  const std::shared_ptr<const TimedEvent> event_;
  mutable std::optional<Clock::time_point> at_;  // under the timer's mutex
};

void SetAnchor(Device device, cudaStream_t stream) {
  Timer& timer = TimerOf(device);
  {
    const std::lock_guard lock(timer.mutex);
    if (timer.anchor) return;
  }
  Synchronize(stream);  // so that the event is passed at once
  const auto event = std::make_shared<const TimedEvent>(device, stream);
  CONVOY_CUDA(cudaEventSynchronize(event->get()));
  const std::lock_guard lock(timer.mutex);
  if (timer.anchor) return;
  timer.anchor = event;
  timer.anchor_at = Clock::now();
}

const bool registered = [] {
  RegisterTimeMarker(DeviceType::kCuda,
                     [](Device device) { return MarkTime(device, Use(device)); });
  return true;
}();

}  // namespace

std::shared_ptr<const TimeMark> MarkTime(Device device, cudaStream_t stream) {
  if (recording_graph) return nullptr;
  SetAnchor(device, stream);
  return std::make_shared<const StreamMark>(std::make_shared<const TimedEvent>(device, stream));
}

}  // namespace convoy::cuda
