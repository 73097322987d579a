// Devices, streams and failing calls: what a user is told, and where work goes.
#include "core/cuda/device.h"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <thread>

#include "core/base/error.h"
#include "core/cuda/check.h"
#include "core/cuda/library.h"
#include "core/cuda/stream.h"
#include "core/tensor.h"
#include "tests/core/cuda/pool_helpers.h"
#include "tests/gpu.h"

#if defined(CONVOY_SIM)
#include "tests/sim/control.h"
#endif

namespace convoy::cuda {
namespace {

using Catch::Contains;

TEST_CASE("Info says what a GPU is") {
  CONVOY_NEED_GPUS(1);
  const DeviceInfo& info = Info(Device::Cuda(0));
  CHECK(!info.name.empty());
  CHECK(info.multiprocessors > 0);
  CHECK(info.total_bytes > 0);
  CHECK(info.capability_major >= 8);
}

TEST_CASE("an index beyond the last GPU is an error that says how many there are") {
  CONVOY_NEED_GPUS(1);
  CHECK_THROWS_WITH(Tensor::Zeros({1}, {DType::kF32, Device::Cuda(63)}),
                    Contains("[CUDA] cuda:63: there ") && Contains("GPU"));
}

TEST_CASE("work goes to the compute stream, or to that of the innermost scope") {
  CONVOY_NEED_GPUS(1);
  const Device device = Device::Cuda(0);
  const cudaStream_t compute = Use(device);
  CHECK(compute == ComputeStream(device));
  const Stream outer(device), inner(device, Stream::Priority::kHigh);
  {
    const StreamScope a(outer);
    CHECK(Use(device) == outer.get());
    {
      const StreamScope b(inner);
      CHECK(Use(device) == inner.get());
      cudaStream_t elsewhere = nullptr;
      std::thread([&] { elsewhere = Use(device); }).join();
      CHECK(elsewhere == compute);
    }
    CHECK(Use(device) == outer.get());
  }
  CHECK(Use(device) == compute);
}

TEST_CASE("streams and memory of another GPU leave the thread's current one as it is") {
  CONVOY_NEED_GPUS(2);
  const auto current = [] {
    int device = -1;
    CONVOY_CUDA(cudaGetDevice(&device));
    return device;
  };
  Use(Device::Cuda(0));
  {
    const Stream stream(Device::Cuda(1));
    CHECK(current() == 0);
    const Event event(Device::Cuda(1));
    CHECK(current() == 0);
  }
  CHECK(current() == 0);
  Use(Device::Cuda(1));
  const Stream stream(Device::Cuda(0));
  CHECK(current() == 1);
}

TEST_CASE("a stream of high priority goes before the compute stream, a normal one beside it") {
  CONVOY_NEED_GPUS(1);
  const Device device = Device::Cuda(0);
  const auto priority = [](cudaStream_t stream) {
    int value = 0;
    CONVOY_CUDA(cudaStreamGetPriority(stream, &value));
    return value;  // the lower, the earlier
  };
  const int compute = priority(ComputeStream(device));
  CHECK(priority(Stream(device, Stream::Priority::kHigh).get()) < compute);
  CHECK(priority(Stream(device).get()) == compute);
}

TEST_CASE("an event that was never recorded is done, whoever had it before") {
  CONVOY_NEED_GPUS(1);
  const Device device = Device::Cuda(0);
  for (int i = 0; i < 3; ++i) {
    Event event(device);
    CHECK(event.Done());
    event.MakeWait(Use(device), "test: nothing");
    event.Record(Use(device));
    Synchronize(event);
    CHECK(event.Done());
  }
}

TEST_CASE("waits of the host are counted; what only queues work waits for nothing") {
  CONVOY_NEED_GPUS(1);
  const Device device = Device::Cuda(0);
  const int64_t before = HostWaits();
  Tensor x = Tensor::Full({1000}, 2, {DType::kF32, device});
  x.Zero();
  x = x.Clone();
  CHECK(HostWaits() == before);
  Synchronize(Use(device));
  CHECK(HostWaits() == before + 1);
  CHECK(x.View({1}).Item<float>() == 0);
  CHECK(HostWaits() == before + 2);
}

TEST_CASE("a library that is nowhere: every place that was tried, and the way out") {
  setenv("CONVOY_CUDA_LIBS", "/nowhere/one:/nowhere/two", 1);
  CHECK_THROWS_WITH(Library("libnosuch.so.7"),
                    Contains("[CUDA] libnosuch.so.7 was not found; name its folder in "
                             "CONVOY_CUDA_LIBS. Tried: /nowhere/one/libnosuch.so.7") &&
                        Contains("/nowhere/two/libnosuch.so.7") && Contains("/lib/libnosuch.so.7"));
  unsetenv("CONVOY_CUDA_LIBS");
}

TEST_CASE("a library's functions, and one that it does not have") {
  const Library math("libm.so.6");
  CHECK(math.Get<double(double)>("sqrt")(16.0) == 4.0);
  CHECK_THROWS_WITH(math.Get<void()>("cubeRootOfThePast"),
                    Contains("libm.so.6 has no function cubeRootOfThePast: it is older than this "
                             "program wants"));
}

#if defined(CONVOY_SIM)

TEST_CASE("an event is done although the work that an earlier owner recorded it behind is not") {
  CONVOY_NEED_GPUS(1);
  const Device device = Device::Cuda(0);
  Hold hold;
  CONVOY_CUDA(cudaLaunchHostFunc(Use(device), Hold::Run, &hold));
  {
    Event earlier(device);
    earlier.Record(Use(device));
    CHECK(!earlier.Done());
  }
  CHECK(Event(device).Done());
  hold.over = true;
  Synchronize(Use(device));
}

std::string Reason() {
  std::string why;
  CHECK(GetBackend(DeviceType::kCuda).DeviceCount(&why) == 0);
  return why;
}

TEST_CASE("no GPU: the reason says what is missing, and so does using one") {
  sim::SetDriver(sim::Driver::kMissing);
  CHECK(Reason() == "the NVIDIA driver is missing (libcuda.so.1 was not found); install it");
  CHECK_THROWS_WITH(Tensor::Zeros({1}, {DType::kF32, Device::Cuda(6)}),
                    "[CUDA] cuda:6 cannot be used: the NVIDIA driver is missing (libcuda.so.1 was "
                    "not found); install it");
  sim::SetDriver(sim::Driver::kOld);
  CHECK_THAT(Reason(), Contains("the NVIDIA driver is too old: it supports CUDA 12.") &&
                           Contains("this build needs CUDA 13.0 or later; update the driver"));
  sim::Reset();
  sim::SetDeviceCount(0);
  CHECK(Reason() == "the NVIDIA driver is there but finds no GPU");
  setenv("CUDA_VISIBLE_DEVICES", "-1", 1);
  CHECK(Reason() ==
        "the driver shows no GPU while CUDA_VISIBLE_DEVICES is '-1'; unset it, or name GPUs that "
        "exist");
  unsetenv("CUDA_VISIBLE_DEVICES");
  sim::SetDeviceCount(2);
  CHECK_THROWS_WITH(Tensor::Zeros({1}, {DType::kF32, Device::Cuda(7)}),
                    "[CUDA] cuda:7: there are 2 GPUs (cuda:0 to cuda:1)");
  sim::SetDeviceCount(1);
  CHECK_THROWS_WITH(Tensor::Zeros({1}, {DType::kF32, Device::Cuda(7)}),
                    "[CUDA] cuda:7: there is 1 GPU (cuda:0)");
  sim::Reset();
}

TEST_CASE("a call that fails names itself, its place and the library's text; the next one works") {
  const Device device = Device::Cuda(0);
  const Tensor x = Tensor::Zeros({10}, {DType::kF32, device});
  sim::FailCall("cudaMemsetAsync", 1, cudaErrorInvalidValue);
  CHECK_THROWS_WITH(x.Zero(),
                    Contains("[CUDA] cudaMemsetAsync(") &&
                        Contains("failed: invalid argument (cudaErrorInvalidValue), at ") &&
                        Contains("core/cuda/backend.cc:") && !Contains("lost"));
  x.Zero();
  CHECK(x.View({1}).Item<float>() == 0);
  sim::Reset();
}

TEST_CASE("an illegal access says that the GPU is lost; other GPUs go on") {
  CONVOY_NEED_GPUS(8);
  const Device device = Device::Cuda(7);
  const Tensor other = Tensor::Full({10}, 2, {DType::kF32, Device::Cuda(0)});
  {
    const Tensor x = Tensor::Zeros({10}, {DType::kF32, device});
    sim::FailDevice(7, cudaErrorIllegalAddress);
    CHECK_THROWS_WITH(
        x.ToVector<float>(),
        Contains("an illegal memory access was encountered (cudaErrorIllegalAddress)") &&
            Contains("the GPU is lost for this process"));
  }
  CHECK(other.View({1}).Item<float>() == 2);
  sim::Reset();
}

TEST_CASE("a wait calls the thread's interrupt, which may end it") {
  const Device device = Device::Cuda(0);
  // Two GPUs that wait for nothing: one operation takes as long as the fake makes it.
  sim::SetDelays(1, 50'000);
  const Stream slow(device);
  const Tensor x = Tensor::Zeros({10}, {DType::kF32, device});
  {
    const StreamScope scope(slow);
    for (int i = 0; i < 20; ++i) x.Zero();
  }
  const auto before =
      SetInterrupt([](void*) { throw std::runtime_error("a peer is lost"); }, nullptr);
  CHECK_THROWS_WITH(Synchronize(slow.get()), "a peer is lost");
  SetInterrupt(before.first, before.second);
  Synchronize(slow.get());
  sim::Reset();
}

#endif

}  // namespace
}  // namespace convoy::cuda
