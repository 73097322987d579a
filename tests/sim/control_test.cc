// What tests can make simulated devices do: be absent, fail, count.
#include "tests/sim/control.h"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "tests/sim/launch.h"

namespace convoy {
namespace {

struct Setup {
  Setup() {
    sim::Reset();
    sim::SetDeviceCount(2);
    REQUIRE(cudaSetDevice(0) == cudaSuccess);
    cudaGetLastError();
    REQUIRE(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking) == cudaSuccess);
  }
  ~Setup() {
    sim::Reset();
    cudaStreamDestroy(stream);
    cudaGetLastError();
  }
  cudaStream_t stream;
};

TEST_CASE("No device, no driver, an old driver") {
  Setup on;
  int count = -1, version = -1;
  sim::SetDeviceCount(0);
  CHECK(cudaGetDeviceCount(&count) == cudaErrorNoDevice);
  CHECK(count == 0);
  sim::SetDriver(sim::Driver::kMissing);
  CHECK(cudaGetDeviceCount(&count) == cudaErrorInsufficientDriver);
  CHECK(cudaDriverGetVersion(&version) == cudaSuccess);
  CHECK(version == 0);
  sim::SetDriver(sim::Driver::kOld);
  CHECK(cudaSetDevice(0) == cudaErrorInsufficientDriver);
  CHECK(cudaDriverGetVersion(&version) == cudaSuccess);
  CHECK(version < CUDART_VERSION);
  CHECK(std::string(cudaGetErrorString(cudaErrorInsufficientDriver)) ==
        "CUDA driver version is insufficient for CUDA runtime version");
}

TEST_CASE("The n-th call of a function fails, once") {
  Setup on;
  sim::FailCall("cudaStreamQuery", 2, cudaErrorLaunchTimeout);
  CHECK(cudaStreamQuery(on.stream) == cudaSuccess);
  CHECK(cudaStreamQuery(on.stream) == cudaErrorLaunchTimeout);
  CHECK(cudaStreamQuery(on.stream) == cudaSuccess);
  sim::FailCall("aLibrarysFunction", 1, 7);
  CHECK(sim::InjectedFailure("aLibrarysFunction") == 7);
  CHECK(sim::InjectedFailure("aLibrarysFunction") == 0);
}

TEST_CASE("A broken device refuses all, the others go on") {
  Setup on;
  int runs = 0;
  sim::FailDevice(0, cudaErrorIllegalAddress, 2);
  for (int i = 0; i < 5; ++i) sim::Enqueue(on.stream, [&] { ++runs; });
  CHECK(cudaStreamSynchronize(on.stream) == cudaErrorIllegalAddress);
  CHECK(runs == 2);
  void* memory = nullptr;
  CHECK(cudaMalloc(&memory, 8) == cudaErrorIllegalAddress);
  CHECK(cudaGetLastError() == cudaErrorIllegalAddress);
  CHECK(cudaGetLastError() == cudaErrorIllegalAddress);  // it does not go away
  CHECK(cudaSetDevice(1) == cudaSuccess);
  CHECK(cudaMalloc(&memory, 8) == cudaSuccess);
  CHECK(cudaFree(memory) == cudaSuccess);
  CHECK(cudaSetDevice(0) == cudaErrorIllegalAddress);
}

TEST_CASE("Waits are known by name and can be left out") {
  Setup on;
  CHECK_FALSE(sim::SkipWait("b"));
  CHECK_FALSE(sim::SkipWait("a"));
  sim::DropWaits("a");
  CHECK(sim::SkipWait("a"));
  CHECK_FALSE(sim::SkipWait("b"));
  CHECK(sim::WaitSites() == std::vector<std::string>{"a", "b"});
  sim::DropWaits(nullptr);
  CHECK_FALSE(sim::SkipWait("a"));
}

TEST_CASE("Host synchronisations and operations are counted") {
  Setup on;
  cudaEvent_t event;
  cudaEventCreateWithFlags(&event, cudaEventDisableTiming);
  const int64_t syncs = sim::HostSyncs(), operations = sim::Operations();
  for (int i = 0; i < 3; ++i) sim::Enqueue(on.stream, [] {});
  cudaEventRecord(event, on.stream);
  cudaStreamWaitEvent(on.stream, event, 0);
  cudaStreamQuery(on.stream);
  cudaEventQuery(event);
  CHECK(sim::HostSyncs() == syncs);
  CHECK(sim::Operations() == operations + 3);
  cudaStreamSynchronize(on.stream);
  cudaEventSynchronize(event);
  cudaDeviceSynchronize();
  CHECK(sim::HostSyncs() == syncs + 3);
  cudaEventDestroy(event);
}

TEST_CASE("Properties of a device") {
  Setup on;
  cudaDeviceProp properties;
  CHECK(cudaGetDeviceProperties(&properties, 1) == cudaSuccess);
  CHECK(properties.warpSize == 32);
  int value = 0;
  CHECK(cudaDeviceGetAttribute(&value, cudaDevAttrMultiProcessorCount, 1) == cudaSuccess);
  CHECK(value == properties.multiProcessorCount);
  CHECK(cudaGetDeviceProperties(&properties, 2) == cudaErrorInvalidDevice);
}

}  // namespace
}  // namespace convoy
