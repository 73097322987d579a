// Moments in a GPU's work, on the host's clock.
#include "core/cuda/time_mark.h"

#include <catch2/catch.hpp>
#include <memory>
#include <thread>
#include <vector>

#include "core/backend.h"
#include "core/cuda/stream.h"
#include "core/tensor.h"
#include "tests/gpu.h"

namespace convoy::cuda {
namespace {

using Clock = TimeMark::Clock;

TEST_CASE("marks lie between the host's calls around the work, in its order") {
  CONVOY_NEED_GPUS(1);
  const Device device = Device::Cuda(0);
  const Tensor tensor = Tensor::Zeros({1000}, {DType::kF32, device});
  std::vector<std::shared_ptr<const TimeMark>> marks;
  Clock::time_point last = Clock::now();
  for (int i = 0; i < 5; ++i) {
    const Clock::time_point before = Clock::now();
    const auto mark = convoy::MarkTime(device);
    GetBackend(DeviceType::kCuda).Synchronize(device);
    const Clock::time_point after = Clock::now();
    REQUIRE(mark->at().has_value());
    // The two clocks have agreed within the time of a call.
    CHECK(*mark->at() > before - std::chrono::milliseconds(5));
    CHECK(*mark->at() < after + std::chrono::milliseconds(5));
    CHECK(*mark->at() >= last - std::chrono::milliseconds(5));
    last = *mark->at();
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    tensor.Zero();
    marks.push_back(mark);
  }
  for (size_t i = 1; i < marks.size(); ++i) {
    CHECK(*marks[i]->at() - *marks[i - 1]->at() >= std::chrono::milliseconds(9));
  }
}

TEST_CASE("a mark's time stays what it was, also when later ones become the measure") {
  CONVOY_NEED_GPUS(1);
  const Device device = Device::Cuda(0);
  const auto first = convoy::MarkTime(device);
  GetBackend(DeviceType::kCuda).Synchronize(device);
  const Clock::time_point at = first->at().value();
  std::this_thread::sleep_for(std::chrono::milliseconds(1100));
  for (int i = 0; i < 3; ++i) {
    const Clock::time_point before = Clock::now();
    const auto mark = convoy::MarkTime(device);
    GetBackend(DeviceType::kCuda).Synchronize(device);
    CHECK(std::chrono::abs(mark->at().value() - before) < std::chrono::milliseconds(50));
  }
  CHECK(first->at() == at);
}

TEST_CASE("while a graph is recorded there are no marks") {
  CONVOY_NEED_GPUS(1);
  const Device device = Device::Cuda(0);
  const Tensor tensor = Tensor::Zeros({10}, {DType::kF32, device});
  std::shared_ptr<const TimeMark> mark = convoy::MarkTime(device);
  const auto recording = GetBackend(DeviceType::kCuda).Record(device, [&] {
    mark = convoy::MarkTime(device);
    tensor.Zero();
  });
  CHECK(mark == nullptr);
}

}  // namespace
}  // namespace convoy::cuda
