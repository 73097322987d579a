// A kernel slot: one typed function pointer per kind of device, filled by that device's library.
#pragma once

#include "core/base/error.h"
#include "core/device.h"

namespace convoy {

template <typename Signature>
class Kernel;

/// Declared beside the op (`inline constinit Kernel<void(const View&, const View&)>
/// gelu_forward{"Gelu"};`), defined in ops/cpu or ops/cuda with CONVOY_REGISTER_KERNEL, called with
/// the device first.
template <typename... Args>
class Kernel<void(Args...)> {
 public:
  using Function = void (*)(Args...);

  explicit constexpr Kernel(const char* op) : op_(op) {}

  void operator()(Device device, Args... args) const {
    const Function function = functions_[static_cast<int>(device.type)];
    CONVOY_CHECK(function != nullptr, "[{}] has no kernel for {}", op_, device.ToString());
    function(args...);
  }

  bool Set(DeviceType type, Function function) {
    functions_[static_cast<int>(type)] = function;
    return true;
  }

 private:
  const char* op_;
  Function functions_[kNumDeviceTypes] = {};
};

}  // namespace convoy

/// At namespace scope of a device's source file: `slot` runs `function` on `device_type`.
#define CONVOY_REGISTER_KERNEL(slot, device_type, function) \
  [[maybe_unused]] static const bool slot##_registered =    \
      slot.Set(::convoy::DeviceType::device_type, function)
