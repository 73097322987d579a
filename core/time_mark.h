// A moment in a device's work, told later on the host's clock.
#pragma once

#include <chrono>
#include <memory>
#include <optional>

#include "core/device.h"

namespace convoy {

class TimeMark {
 public:
  using Clock = std::chrono::steady_clock;

  virtual ~TimeMark() = default;
  /// When the device came to it; none as long as it has not. Does not wait. On a GPU: by its own
  /// clock, from a moment that host and GPU have agreed on at the first mark.
  virtual std::optional<Clock::time_point> at() const = 0;
};

/// The moment at which `device` has done the work that this thread has given to it so far: on a
/// CPU, now. Costs a GPU an event and nobody a wait, but for the process's first mark on a GPU.
/// Null while the thread records a graph: replays tell nothing.
std::shared_ptr<const TimeMark> MarkTime(Device device);

/// Installs what MarkTime does for a kind of device; called once, by a static initialiser.
using TimeMarker = std::shared_ptr<const TimeMark> (*)(Device device);
void RegisterTimeMarker(DeviceType type, TimeMarker marker);

}  // namespace convoy
