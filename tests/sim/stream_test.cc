// Streams and events of the simulated device: what is ordered, what is not, what is refused.
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <cstdio>
#include <string>
#include <thread>
#include <vector>

#include "core/cuda/kernel.h"
#include "core/cuda/launch.h"
#include "tests/sim/control.h"
#include "tests/sim/launch.h"

namespace convoy {
namespace {

struct Setup {
  explicit Setup(int devices = 2) {
    sim::Reset();
    sim::SetDeviceCount(devices);
    REQUIRE(cudaSetDevice(0) == cudaSuccess);
    cudaGetLastError();
    for (auto* stream : {&a, &b}) {
      REQUIRE(cudaStreamCreateWithFlags(stream, cudaStreamNonBlocking) == cudaSuccess);
    }
    REQUIRE(cudaStreamCreateWithPriority(&high, cudaStreamNonBlocking, -1) == cudaSuccess);
    for (auto* event : {&first, &second}) {
      REQUIRE(cudaEventCreateWithFlags(event, cudaEventDisableTiming) == cudaSuccess);
    }
    REQUIRE(cudaMalloc(reinterpret_cast<void**>(&data), kBytes) == cudaSuccess);
    REQUIRE(cudaMemsetAsync(data, 0, kBytes, a) == cudaSuccess);
    REQUIRE(cudaStreamSynchronize(a) == cudaSuccess);
  }
  ~Setup() {
    sim::Reset();
    sim::SetDeviceCount(2);
    cudaSetDevice(0);
    cudaFree(data);
    for (auto stream : {a, b, high}) cudaStreamDestroy(stream);
    for (auto event : {first, second}) cudaEventDestroy(event);
  }
  float Read(cudaStream_t stream) {
    float value = -1;
    REQUIRE(cudaMemcpyAsync(&value, data, sizeof(float), cudaMemcpyDeviceToHost, stream) ==
            cudaSuccess);
    return value;
  }

  static constexpr int kCount = 1000;
  static constexpr size_t kBytes = kCount * sizeof(float);
  cudaStream_t a, b, high;
  cudaEvent_t first, second;
  float* data = nullptr;
};

__global__ void AddKernel(float* data, int n, float value) {
  const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (i < n) data[i] += value;
}
__global__ void DoubleKernel(float* data, int n) {
  const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (i < n) data[i] *= 2;
}
void Add(Setup& on, cudaStream_t stream, float value) {
  cuda::Launch(AddKernel, 8, 128, 0, stream, on.data, Setup::kCount, value);
}
void Double(Setup& on, cudaStream_t stream) {
  cuda::Launch(DoubleKernel, 8, 128, 0, stream, on.data, Setup::kCount);
}

TEST_CASE("A stream runs its work in order, and not in the host's time") {
  Setup on;
  std::atomic<bool> go{false};
  sim::Enqueue(on.a, [&] {
    while (!go) std::this_thread::yield();
  });
  for (int i = 0; i < 10; ++i) {
    Add(on, on.a, 1);
    Double(on, on.a);
  }
  CHECK(cudaStreamQuery(on.a) == cudaErrorNotReady);
  cudaGetLastError();
  go = true;
  CHECK(cudaStreamSynchronize(on.a) == cudaSuccess);
  CHECK(cudaStreamQuery(on.a) == cudaSuccess);
  CHECK(on.Read(on.a) == 2046);
}

TEST_CASE("An event orders two streams, at any seed and delay") {
  for (uint64_t seed = 0; seed < 10; ++seed) {
    Setup on;
    sim::SetSeed(seed);
    sim::SetDelays(2, 300);
    for (int i = 0; i < 5; ++i) {
      Add(on, on.a, 1);
      cudaEventRecord(on.first, on.a);
      cudaStreamWaitEvent(on.b, on.first, 0);
      Double(on, on.b);
      cudaEventRecord(on.second, on.b);
      cudaStreamWaitEvent(on.a, on.second, 0);
    }
    CHECK(on.Read(on.a) == 62);
  }
}

TEST_CASE("A wait is for the event as it was recorded last before it") {
  Setup on;
  std::atomic<bool> go{false};
  CHECK(cudaStreamWaitEvent(on.b, on.first, 0) == cudaSuccess);  // never recorded: nothing
  cudaEventRecord(on.first, on.a);
  cudaStreamWaitEvent(on.b, on.first, 0);
  sim::Enqueue(on.a, [&] {
    while (!go) std::this_thread::yield();
  });
  cudaEventRecord(on.first, on.a);
  CHECK(cudaStreamSynchronize(on.b) == cudaSuccess);  // not for the second recording
  CHECK(cudaEventQuery(on.first) == cudaErrorNotReady);
  cudaGetLastError();
  go = true;
  CHECK(cudaEventSynchronize(on.first) == cudaSuccess);
}

#if defined(__SANITIZE_THREAD__)
// Output of this program when it runs one of its hidden cases.
std::string Rerun(const std::string& name) {
  char path[4096] = {};
  REQUIRE(readlink("/proc/self/exe", path, sizeof(path) - 1) > 0);
  FILE* pipe = popen((std::string("'") + path + "' '" + name + "' 2>&1").c_str(), "r");
  std::string text;
  char buffer[512];
  while (fgets(buffer, sizeof(buffer), pipe) != nullptr) text += buffer;
  pclose(pipe);
  return text;
}

TEST_CASE("hidden: a wait is missing", "[.]") {
  Setup on;
  sim::SetDelays(0, 0);
  Add(on, on.high, 1);
  // Not enough: these calls order nothing, though they meet the other stream's thread.
  cudaEventRecord(on.first, on.high);
  cudaEventRecord(on.first, on.high);
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  sim::Enqueue(on.high, [] {});
  Add(on, on.a, 1);
  cudaStreamSynchronize(on.a);
}

TEST_CASE("hidden: pinned memory is used again too early", "[.]") {
  Setup on;
  float* pinned = nullptr;
  REQUIRE(cudaMallocHost(reinterpret_cast<void**>(&pinned), Setup::kBytes) == cudaSuccess);
  cudaMemcpyAsync(on.data, pinned, Setup::kBytes, cudaMemcpyHostToDevice, on.a);
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  sim::Enqueue(on.a, [] {});
  *pinned = 1;
}

TEST_CASE("ThreadSanitizer reports what nothing has ordered, however long ago it was") {
  CHECK_THAT(Rerun("hidden: a wait is missing"), Catch::Contains("data race"));
  CHECK_THAT(Rerun("hidden: pinned memory is used again too early"), Catch::Contains("data race"));
}
#else
TEST_CASE("A missing wait is a wrong answer when its stream lags, every time") {
  const auto step = [](Setup& on, bool wait) {
    Add(on, on.high, 1);
    cudaEventRecord(on.first, on.high);
    if (wait) cudaStreamWaitEvent(on.a, on.first, 0);
    Double(on, on.a);
    cudaEventRecord(on.second, on.a);
    cudaStreamWaitEvent(on.b, on.second, 0);
    const float seen = on.Read(on.b);  // waits for b, so for a, but not for the other stream
    return seen;
  };
  for (int i = 0; i < 5; ++i) {
    Setup on;
    sim::LagStreams(sim::Lag::kHighStreams);
    CHECK(step(on, true) == 2);
  }
  for (int i = 0; i < 5; ++i) {
    Setup on;
    sim::LagStreams(sim::Lag::kHighStreams);
    CHECK(step(on, false) == 0);
  }
}

TEST_CASE("Copies can lag by themselves") {
  Setup on;
  float* pinned = nullptr;
  REQUIRE(cudaMallocHost(reinterpret_cast<void**>(&pinned), Setup::kBytes) == cudaSuccess);
  sim::LagStreams(sim::Lag::kCopies);
  std::fill_n(pinned, Setup::kCount, 5.0f);
  cudaMemcpyAsync(on.data, pinned, Setup::kBytes, cudaMemcpyHostToDevice, on.b);
  Add(on, on.a, 1);  // nobody told it to wait
  cudaStreamSynchronize(on.a);
  CHECK(on.Read(on.b) == 5);
  sim::Reset();
  sim::SetDeviceCount(2);
  CHECK(cudaFreeHost(pinned) == cudaSuccess);
}

#endif

TEST_CASE("A lagging stream runs when it is asked about, so that polling ends") {
  Setup on;
  sim::LagStreams(sim::Lag::kAllStreams);
  Add(on, on.a, 1);
  cudaEventRecord(on.first, on.a);
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  CHECK(cudaEventQuery(on.first) == cudaErrorNotReady);
  while (cudaEventQuery(on.first) == cudaErrorNotReady) std::this_thread::yield();
  cudaGetLastError();
  CHECK(cudaStreamQuery(on.a) == cudaSuccess);
}

TEST_CASE("Host functions run in their turn") {
  Setup on;
  Add(on, on.a, 1);
  float seen = -1;
  struct Call {
    float* data;
    float* seen;
  } call{on.data, &seen};
  REQUIRE(cudaLaunchHostFunc(
              on.a,
              [](void* data) {
                auto* it = static_cast<Call*>(data);
                *it->seen = *it->data;
              },
              &call) == cudaSuccess);
  Add(on, on.a, 1);
  cudaStreamSynchronize(on.a);
  CHECK(seen == 1);
}

TEST_CASE("A destroyed stream still does what it was given") {
  Setup on;
  cudaStream_t stream;
  cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking);
  sim::LagStream(stream, true);
  Add(on, stream, 1);
  cudaEventRecord(on.first, stream);
  CHECK(cudaStreamDestroy(stream) == cudaSuccess);
  cudaStreamWaitEvent(on.a, on.first, 0);
  CHECK(on.Read(on.a) == 1);
}

TEST_CASE("The null stream and streams that are not non-blocking wait for each other") {
  Setup on;
  cudaStream_t blocking;
  cudaStreamCreate(&blocking);
  sim::SetDelays(1, 500);
  for (int i = 0; i < 5; ++i) {
    Add(on, nullptr, 1);
    Double(on, blocking);
  }
  CHECK(on.Read(nullptr) == 62);
  cudaStreamDestroy(blocking);
}

TEST_CASE("What a device refuses") {
  Setup on;
  CHECK_THROWS_WITH(cuda::Launch(AddKernel, 8, 2048, 0, on.a, on.data, 1, 0.0f),
                    Catch::Contains("invalid configuration argument"));
  CHECK_THROWS_WITH(cuda::Launch(AddKernel, dim3(1, 70000), 32, 0, on.a, on.data, 1, 0.0f),
                    Catch::Contains("invalid configuration argument"));
  CHECK_THROWS_WITH(cuda::Launch(AddKernel, 8, 32, 228 << 10, on.a, on.data, 1, 0.0f),
                    Catch::Contains("invalid argument"));
  REQUIRE(cudaSetDevice(1) == cudaSuccess);
  CHECK_THROWS_WITH(Add(on, on.a, 1), Catch::Contains("invalid resource handle"));
  cudaEvent_t event;
  cudaEventCreateWithFlags(&event, cudaEventDisableTiming);
  CHECK(cudaEventRecord(event, on.a) == cudaErrorInvalidResourceHandle);
  CHECK(cudaStreamWaitEvent(on.a, event, 0) == cudaSuccess);  // across devices: well
  CHECK(cudaSetDevice(2) == cudaErrorInvalidDevice);
  CHECK(cudaGetLastError() == cudaErrorInvalidDevice);
  CHECK(cudaGetLastError() == cudaSuccess);
  cudaEventDestroy(event);
}

TEST_CASE("Time between events") {
  Setup on;
  cudaEvent_t start, end;
  cudaEventCreate(&start);
  cudaEventCreate(&end);
  cudaEventRecord(start, on.a);
  sim::Enqueue(on.a, [] { std::this_thread::sleep_for(std::chrono::milliseconds(20)); });
  cudaEventRecord(end, on.a);
  cudaEventSynchronize(end);
  float ms = 0;
  CHECK(cudaEventElapsedTime(&ms, start, end) == cudaSuccess);
  CHECK(ms >= 20);
  CHECK(cudaEventElapsedTime(&ms, on.first, end) == cudaErrorInvalidResourceHandle);
  cudaEventDestroy(start);
  cudaEventDestroy(end);
}

}  // namespace
}  // namespace convoy
