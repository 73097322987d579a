// What the core needs of a kind of device: memory, and the three copies that autograd does itself.
#include "core/backend.h"

#include <array>

#include "core/base/error.h"
#include "core/cpu_backend.h"

namespace convoy {
namespace {

std::array<Backend*, kNumDeviceTypes>& Backends() {
  static std::array<Backend*, kNumDeviceTypes> backends = {&GetCpuBackend()};
  return backends;
}

}  // namespace

Backend& GetBackend(DeviceType type) {
  Backend* backend = Backends()[static_cast<int>(type)];
  CONVOY_CHECK(backend != nullptr, "[Device] this build has no {} backend", Name(type));
  return *backend;
}

void RegisterBackend(DeviceType type, Backend* backend) {
  Backends()[static_cast<int>(type)] = backend;
}

bool HasBackend(DeviceType type) { return Backends()[static_cast<int>(type)] != nullptr; }

}  // namespace convoy
