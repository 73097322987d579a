// Where a tensor lives and its kernels run: `cpu:K` or `cuda:K`.
#include "core/device.h"

#include <fmt/format.h>

#include <charconv>

#include "core/base/error.h"

namespace convoy {

std::string_view Name(DeviceType type) { return type == DeviceType::kCpu ? "cpu" : "cuda"; }

Device Device::Parse(std::string_view text) {
  const size_t colon = text.find(':');
  const std::string_view name = text.substr(0, colon);
  Device device;
  bool ok = name == "cpu" || name == "cuda";
  if (name == "cuda") device.type = DeviceType::kCuda;
  if (colon != std::string_view::npos) {
    const std::string_view digits = text.substr(colon + 1);
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), device.index);
    ok = ok && error == std::errc() && end == digits.data() + digits.size() && device.index >= 0;
  }
  CONVOY_CHECK(ok, "[Device] cannot read '{}': expected cpu, cpu:K, cuda or cuda:K", text);
  return device;
}

std::string Device::ToString() const { return fmt::format("{}:{}", Name(type), index); }

}  // namespace convoy
