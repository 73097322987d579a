// A moment in a device's work, told later on the host's clock.
#include "core/time_mark.h"

#include <array>

#include "core/base/error.h"

namespace convoy {
namespace {

class HostMark final : public TimeMark {
 public:
  std::optional<Clock::time_point> at() const override { return at_; }

 private:
  const Clock::time_point at_ = Clock::now();
};

std::array<TimeMarker, kNumDeviceTypes>& Markers() {
  static std::array<TimeMarker, kNumDeviceTypes> markers = {
      [](Device) -> std::shared_ptr<const TimeMark> { return std::make_shared<HostMark>(); }};
  return markers;
}

}  // namespace

std::shared_ptr<const TimeMark> MarkTime(Device device) {
  const TimeMarker marker = Markers()[static_cast<size_t>(device.type)];
  CONVOY_CHECK(marker != nullptr, "[MarkTime] this build has no {} backend", Name(device.type));
  return marker(device);
}

void RegisterTimeMarker(DeviceType type, TimeMarker marker) {
  Markers()[static_cast<size_t>(type)] = marker;
}

}  // namespace convoy
