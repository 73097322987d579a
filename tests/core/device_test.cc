// Reading and writing device names.
#include "core/device.h"

#include <catch2/catch.hpp>

#include "core/backend.h"
#include "core/base/error.h"

namespace convoy {
namespace {

TEST_CASE("device names are read and written") {
  CHECK(Device::Parse("cpu") == Device::Cpu(0));
  CHECK(Device::Parse("cpu:3") == Device::Cpu(3));
  CHECK(Device::Parse("cuda") == Device::Cuda(0));
  CHECK(Device::Parse("cuda:12") == Device::Cuda(12));
  CHECK(Device::Cpu(2).ToString() == "cpu:2");
  CHECK(Device::Cuda().ToString() == "cuda:0");
  CHECK(Device::Cpu() != Device::Cuda());
}

TEST_CASE("anything else is refused, with what is expected") {
  for (const char* text : {"", "CPU", "gpu", "cpu:", "cpu:-1", "cpu:x", "cpu:1x", "cpu 1",
                           "cuda:+1", "cpu:99999999999"}) {
    CHECK_THROWS_WITH(Device::Parse(text), std::string("[Device] cannot read '") + text +
                                               "': expected cpu, cpu:K, cuda or cuda:K");
  }
}

TEST_CASE("a kind of device that this build lacks says so") {
  CHECK(HasBackend(DeviceType::kCpu));
  if (!HasBackend(DeviceType::kCuda)) {
    CHECK_THROWS_WITH(GetBackend(DeviceType::kCuda), "[Device] this build has no cuda backend");
  }
}

}  // namespace
}  // namespace convoy
