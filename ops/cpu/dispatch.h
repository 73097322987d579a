// Registers a kernel that was compiled once per instruction set: the best one is picked at run
// time.
#pragma once

#include "hwy/highway.h"
#include "ops/kernel.h"

namespace convoy {

/// Registers `call` (a captureless lambda that calls through HWY_DYNAMIC_DISPATCH) in a slot.
template <typename... Args, typename Call>
bool RegisterCpuKernel(Kernel<void(Args...)>& slot, Call) {
  return slot.Set(
      DeviceType::kCpu, +[](Args... args) { return Call()(static_cast<Args>(args)...); });
}

}  // namespace convoy

/// In the HWY_ONCE part of a kernel file: slot `slot` runs the HWY_NAMESPACE function `function`.
#define CONVOY_CPU_KERNEL(slot, function)                    \
  HWY_EXPORT(function);                                      \
  [[maybe_unused]] static const bool slot##_on_cpu =         \
      ::convoy::RegisterCpuKernel(slot, [](auto&&... args) { \
        HWY_DYNAMIC_DISPATCH(function)                       \
        (args...);                                           \
      })
