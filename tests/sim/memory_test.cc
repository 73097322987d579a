// Memory and copies of the simulated device.
#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>
#include <vector>

#include "tests/sim/control.h"

namespace convoy {
namespace {

struct Setup {
  Setup() {
    sim::Reset();
    sim::SetDeviceCount(2);
    REQUIRE(cudaSetDevice(0) == cudaSuccess);
    REQUIRE(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking) == cudaSuccess);
  }
  ~Setup() {
    sim::Reset();
    sim::SetDeviceCount(2);
    cudaSetDevice(0);
    cudaStreamDestroy(stream);
    cudaGetLastError();
  }
  template <typename T>
  T* Device(size_t count) {
    void* at = nullptr;
    REQUIRE(cudaMalloc(&at, count * sizeof(T)) == cudaSuccess);
    return static_cast<T*>(at);
  }
  cudaStream_t stream;
};

TEST_CASE("Memory runs out where its limit is, and says so before") {
  Setup on;
  const size_t before = sim::MemoryInUse(0);
  sim::SetMemory(before + 3000);
  auto* first = on.Device<char>(2000);
  void* second = first;
  CHECK(cudaMalloc(&second, 1001) == cudaErrorMemoryAllocation);
  CHECK(cudaGetLastError() == cudaErrorMemoryAllocation);
  CHECK(second == nullptr);
  size_t free = 0, total = 0;
  CHECK(cudaMemGetInfo(&free, &total) == cudaSuccess);
  CHECK(free == 1000);
  CHECK(total == before + 3000);
  cudaSetDevice(1);
  CHECK(cudaMalloc(&second, 1001) == cudaSuccess);  // each device has its own
  CHECK(cudaFree(second) == cudaSuccess);
  CHECK(cudaFree(first) == cudaSuccess);
  CHECK(sim::MemoryInUse(0) == before);
}

TEST_CASE("New memory is full of NaN") {
  Setup on;
  auto* data = on.Device<float>(100);
  std::vector<float> seen(100);
  CHECK(cudaMemcpy(seen.data(), data, 400, cudaMemcpyDeviceToHost) == cudaSuccess);
  for (const float value : seen) REQUIRE(std::isnan(value));
  CHECK(cudaFree(data) == cudaSuccess);
  CHECK(cudaFree(data) == cudaErrorInvalidValue);
  CHECK(cudaFree(nullptr) == cudaSuccess);
}

TEST_CASE("A copy from pinned memory reads it when it runs; from other memory, at once") {
  Setup on;
  auto* data = on.Device<int>(2);
  void* pinned = nullptr;
  REQUIRE(cudaMallocHost(&pinned, 4) == cudaSuccess);
  int pageable = 1;
  const int one = 1, two = 2;
  std::memcpy(pinned, &one, 4);
  sim::LagStream(on.stream, true);
  const int64_t staged = sim::PageableCopies();
  cudaMemcpyAsync(data, pinned, 4, cudaMemcpyHostToDevice, on.stream);
  CHECK(sim::PageableCopies() == staged);
  cudaMemcpyAsync(data + 1, &pageable, 4, cudaMemcpyHostToDevice, on.stream);
  CHECK(sim::PageableCopies() == staged + 1);
#if !defined(__SANITIZE_THREAD__)  // which reports this mistake
  std::memcpy(pinned, &two, 4);
#endif
  pageable = 2;
  int seen[2];
  const int64_t syncs = sim::HostSyncs();
  cudaMemcpyAsync(seen, data, 8, cudaMemcpyDeviceToHost, on.stream);  // not pinned: waits
  CHECK(sim::HostSyncs() == syncs + 1);
#if !defined(__SANITIZE_THREAD__)
  CHECK(seen[0] == 2);
#endif
  CHECK(seen[1] == 1);
  CHECK(cudaFreeHost(pinned) == cudaSuccess);
  CHECK(cudaFree(data) == cudaSuccess);
  (void)two;
}

TEST_CASE("Copies know where memory lies, and how much of it there is") {
  Setup on;
  auto* data = on.Device<char>(100);
  std::vector<char> host(200);
  CHECK(cudaMemcpyAsync(data, host.data(), 101, cudaMemcpyHostToDevice, on.stream) ==
        cudaErrorInvalidValue);
  CHECK(cudaMemcpyAsync(data + 50, host.data(), 51, cudaMemcpyDefault, on.stream) ==
        cudaErrorInvalidValue);
  CHECK(cudaMemcpyAsync(data, host.data(), 10, cudaMemcpyDeviceToHost, on.stream) ==
        cudaErrorInvalidValue);
  CHECK(cudaMemsetAsync(host.data(), 0, 10, on.stream) == cudaErrorInvalidValue);
  CHECK(cudaMemcpyAsync(nullptr, data, 10, cudaMemcpyDefault, on.stream) == cudaErrorInvalidValue);
  CHECK(cudaFree(data) == cudaSuccess);
}

TEST_CASE("Between devices") {
  Setup on;
  auto* here = on.Device<int>(8);
  cudaSetDevice(1);
  auto* there = on.Device<int>(8);
  cudaSetDevice(0);
  CHECK(cudaMemsetAsync(here, 1, 32, on.stream) == cudaSuccess);
  CHECK(cudaMemcpyPeerAsync(there, 1, here, 0, 32, on.stream) == cudaSuccess);
  CHECK(cudaMemcpyPeerAsync(there, 0, here, 0, 32, on.stream) == cudaErrorInvalidValue);
  int seen[8];
  CHECK(cudaMemcpyAsync(seen, there, 32, cudaMemcpyDefault, on.stream) == cudaSuccess);
  CHECK(seen[7] == 0x01010101);
  cudaPointerAttributes attributes;
  CHECK(cudaPointerGetAttributes(&attributes, there + 3) == cudaSuccess);
  CHECK(attributes.type == cudaMemoryTypeDevice);
  CHECK(attributes.device == 1);
  CHECK(cudaPointerGetAttributes(&attributes, seen) == cudaSuccess);
  CHECK(attributes.type == cudaMemoryTypeUnregistered);
  CHECK(cudaFree(here) == cudaSuccess);
  CHECK(cudaFree(there) == cudaSuccess);
}

TEST_CASE("Host memory can be pinned where it lies") {
  Setup on;
  std::vector<int> host(10, 3);
  auto* data = on.Device<int>(10);
  REQUIRE(cudaHostRegister(host.data(), 40, cudaHostRegisterDefault) == cudaSuccess);
  CHECK(cudaHostRegister(host.data(), 40, cudaHostRegisterDefault) ==
        cudaErrorHostMemoryAlreadyRegistered);
  const int64_t staged = sim::PageableCopies(), syncs = sim::HostSyncs();
  cudaMemcpyAsync(data, host.data(), 40, cudaMemcpyHostToDevice, on.stream);
  cudaMemcpyAsync(host.data(), data, 40, cudaMemcpyDeviceToHost, on.stream);
  CHECK(sim::PageableCopies() == staged);
  CHECK(sim::HostSyncs() == syncs);
  cudaStreamSynchronize(on.stream);
  CHECK(cudaHostUnregister(host.data()) == cudaSuccess);
  CHECK(cudaHostUnregister(host.data()) == cudaErrorHostMemoryNotRegistered);
  CHECK(cudaFree(data) == cudaSuccess);
}

TEST_CASE("Freed in a stream's order") {
  Setup on;
  const size_t before = sim::MemoryInUse(0);
  void* data = nullptr;
  REQUIRE(cudaMallocAsync(&data, 64, on.stream) == cudaSuccess);
  REQUIRE(cudaMemsetAsync(data, 0, 64, on.stream) == cudaSuccess);
  const int64_t syncs = sim::HostSyncs();
  REQUIRE(cudaFreeAsync(data, on.stream) == cudaSuccess);
  CHECK(sim::HostSyncs() == syncs);
  cudaStreamSynchronize(on.stream);
  CHECK(sim::MemoryInUse(0) == before);
}

}  // namespace
}  // namespace convoy
