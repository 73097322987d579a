// Recordings that end: what they held is used again after all that still reads it.
#include <catch2/catch.hpp>
#include <functional>
#include <memory>

#include "core/cuda/memory.h"
#include "core/cuda/stream.h"
#include "core/tensor.h"
#include "tests/core/cuda/pool_helpers.h"
#include "tests/gpu.h"

#if defined(CONVOY_SIM)
#include "tests/sim/control.h"
#endif

namespace convoy::cuda {
namespace {

#if defined(CONVOY_SIM)

const Device kDevice = Device::Cuda(0);

std::unique_ptr<Recording> Record(const std::function<void()>& work, Device device = kDevice) {
  return GetBackend(DeviceType::kCuda).Record(device, work);
}

Tensor Floats(float value, int64_t n = 1000, Device device = kDevice) {
  return Tensor::Full({n}, value, {DType::kF32, device});
}
// So large that it has a segment of its own.
Tensor Large(float value, Device device) {
  return Floats(value, 3 << 20, Device::Cpu()).To(device);
}

float FirstOf(const Tensor& tensor) { return tensor.View({1}).Item<float>(); }

// Cached memory, which work under way still reads, is taken over by a recording that dies without a
// replay, and is then written by the compute stream.
float TakenOverForNothing(const Device device) {
  const Stream side(device);
  const Tensor sevens = Large(7, device);
  Synchronize(Use(device));
  Tensor copy;
  const void* place = nullptr;
  {
    const StreamScope scope(side);
    const Tensor x = Large(1, device);
    Synchronize(side.get());
    sim::LagStream(side.get(), true);
    copy = x.Clone();
    place = x.raw_data();
  }
  {
    Tensor made;
    const auto recording = Record([&] { made = sevens.Clone(); }, device);
    CHECK(made.raw_data() == place);
    made = Tensor();
  }
  const Tensor written = sevens.Clone();
  CHECK(written.raw_data() == place);
  Synchronize(Use(device));
  const StreamScope scope(side);
  return FirstOf(copy);
}

TEST_CASE("memory that a recording took over and never wrote is written after its last users") {
  CONVOY_NEED_GPUS(3);
  if (!kReuses) return;
  CHECK(TakenOverForNothing(Device::Cuda(1)) == 1);
  if (kRacesFail) return sim::Reset();
  sim::DropWaits("pool: used by another stream");
  CHECK(TakenOverForNothing(Device::Cuda(2)) == 7);
  sim::Reset();
}

// A recording that copies values from the host dies while its last replay dawdles; other values
// are then copied, from the page-locked memory that the recording had.
TEST_CASE("host memory of a recording that is gone is written after its last replay") {
  CONVOY_NEED_GPUS(1);
  const Stream side(kDevice);
  const Tensor target = Floats(0), other = Floats(0);
  auto recording = Record([&] { target.CopyFrom(Floats(5, 1000, Device::Cpu())); });
  Synchronize(Use(kDevice));
  sim::LagStream(side.get(), true);
  {
    const StreamScope scope(side);
    recording->Replay();
  }
  Event replayed(kDevice);
  replayed.Record(side.get());
  recording = nullptr;
  for (int i = 0; i < 50; ++i) {  // every buffer that is free
    other.CopyFrom(Floats(9, 1000, Device::Cpu()));
  }
  Synchronize(replayed);
  CHECK(FirstOf(target) == 5);
  sim::Reset();
}

#endif

}  // namespace
}  // namespace convoy::cuda
