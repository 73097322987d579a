// Stream capture and graphs on the simulated device.
#include <catch2/catch.hpp>
#include <thread>
#include <vector>

#include "core/cuda/kernel.h"
#include "core/cuda/launch.h"
#include "tests/sim/control.h"
#include "tests/sim/launch.h"

namespace convoy {
namespace {

__global__ void AddKernel(float* data, float value) { *data += value; }
__global__ void DoubleKernel(float* data) { *data *= 2; }

struct Setup {
  Setup() {
    sim::Reset();
    sim::SetDeviceCount(2);
    REQUIRE(cudaSetDevice(0) == cudaSuccess);
    cudaGetLastError();
    for (auto* stream : {&a, &b}) {
      REQUIRE(cudaStreamCreateWithFlags(stream, cudaStreamNonBlocking) == cudaSuccess);
    }
    REQUIRE(cudaStreamCreateWithPriority(&high, cudaStreamNonBlocking, -1) == cudaSuccess);
    for (auto* event : {&fork, &join, &other}) {
      REQUIRE(cudaEventCreateWithFlags(event, cudaEventDisableTiming) == cudaSuccess);
    }
    REQUIRE(cudaMalloc(reinterpret_cast<void**>(&data), sizeof(float)) == cudaSuccess);
    REQUIRE(cudaMemsetAsync(data, 0, sizeof(float), a) == cudaSuccess);
    REQUIRE(cudaStreamSynchronize(a) == cudaSuccess);
  }
  ~Setup() {
    sim::Reset();
    sim::SetDeviceCount(2);
    cudaFree(data);
    for (auto stream : {a, b, high}) cudaStreamDestroy(stream);
    for (auto event : {fork, join, other}) cudaEventDestroy(event);
  }
  void Begin() {
    REQUIRE(cudaStreamBeginCapture(a, cudaStreamCaptureModeThreadLocal) == cudaSuccess);
  }
  cudaError_t End() {
    cudaGraph_t graph = nullptr;
    const cudaError_t error = cudaStreamEndCapture(a, &graph);
    CHECK((graph == nullptr) == (error != cudaSuccess));
    if (graph != nullptr) {
      size_t count = 0;
      CHECK(cudaGraphGetNodes(graph, nullptr, &count) == cudaSuccess);
      nodes = static_cast<int>(count);
      CHECK(cudaGraphInstantiate(&exec, graph, 0) == cudaSuccess);
      CHECK(cudaGraphDestroy(graph) == cudaSuccess);
    }
    return error;
  }
  float Read() {
    float value = -1;
    cudaMemcpyAsync(&value, data, sizeof(float), cudaMemcpyDeviceToHost, a);
    return value;
  }
  void Add(cudaStream_t stream, float value) {
    cuda::Launch(AddKernel, 1, 1, 0, stream, data, value);
  }
  void Double(cudaStream_t stream) { cuda::Launch(DoubleKernel, 1, 1, 0, stream, data); }

  cudaStream_t a, b, high;
  cudaEvent_t fork, join, other;
  cudaGraphExec_t exec = nullptr;
  int nodes = 0;
  float* data = nullptr;
};

TEST_CASE("Captured work runs at launches, not before, with the arguments it had") {
  Setup on;
  on.Begin();
  for (int i = 1; i <= 3; ++i) {
    on.Add(on.a, static_cast<float>(i));
    on.Double(on.a);
  }
  CHECK(sim::Capturing(on.a));
  CHECK_FALSE(sim::Capturing(on.b));
  REQUIRE(on.End() == cudaSuccess);
  CHECK(on.nodes == 6);
  CHECK(on.Read() == 0);
  for (int i = 0; i < 2; ++i) CHECK(cudaGraphLaunch(on.exec, on.b) == cudaSuccess);
  CHECK(cudaGraphExecDestroy(on.exec) == cudaSuccess);  // after what was launched
  cudaStreamSynchronize(on.b);
  CHECK(on.Read() == 22 * 8 + 22);
}

TEST_CASE("Forks and joins by events become edges, whatever the order they allow") {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    Setup on;
    sim::SetSeed(seed);
    on.Begin();
    on.Add(on.a, 1);
    cudaEventRecord(on.fork, on.a);
    cudaStreamWaitEvent(on.high, on.fork, 0);
    on.Double(on.high);
    on.Add(on.high, 3);
    cudaEventRecord(on.join, on.high);
    cudaStreamWaitEvent(on.a, on.join, 0);
    on.Double(on.a);
    REQUIRE(on.End() == cudaSuccess);
    cudaGraphLaunch(on.exec, on.a);
    CHECK(on.Read() == 10);
    cudaGraphExecDestroy(on.exec);
  }
}

TEST_CASE("An edge that is missing is a wrong answer when its stream lags") {
  for (int i = 0; i < 16; ++i) {
    const bool wait = i % 2 == 0;
    Setup on;
    sim::SetSeed(static_cast<uint64_t>(i));
    sim::LagStreams(sim::Lag::kHighStreams);
    on.Begin();
    cudaEventRecord(on.fork, on.a);
    cudaStreamWaitEvent(on.high, on.fork, 0);
    on.Add(on.high, 3);
    cudaEventRecord(on.join, on.high);
    if (wait) cudaStreamWaitEvent(on.a, on.join, 0);
    on.Double(on.a);
    cudaStreamWaitEvent(on.a, on.join, 0);  // all must be joined
    REQUIRE(on.End() == cudaSuccess);
    cudaGraphLaunch(on.exec, on.a);
    CHECK(on.Read() == (wait ? 6 : 3));
    cudaGraphExecDestroy(on.exec);
  }
}

TEST_CASE("Copies from pinned memory read it at every launch") {
  Setup on;
  float* pinned = nullptr;
  REQUIRE(cudaMallocHost(reinterpret_cast<void**>(&pinned), sizeof(float)) == cudaSuccess);
  on.Begin();
  CHECK(cudaMemcpyAsync(on.data, pinned, sizeof(float), cudaMemcpyHostToDevice, on.a) ==
        cudaSuccess);
  on.Double(on.a);
  REQUIRE(on.End() == cudaSuccess);
  for (const float value : {3.0f, 4.0f}) {
    *pinned = value;
    cudaGraphLaunch(on.exec, on.a);
    CHECK(on.Read() == 2 * value);
  }
  cudaGraphExecDestroy(on.exec);
  CHECK(cudaFreeHost(pinned) == cudaSuccess);
}

TEST_CASE("What cannot be captured spoils the capture") {
  Setup on;
  float host = 0;
  void* memory = nullptr;
  const auto spoils = [&](cudaError_t wanted, auto call) {
    on.Begin();
    on.Add(on.a, 1);
    CHECK(call() == wanted);
    cudaStreamCaptureStatus status;
    CHECK(cudaStreamIsCapturing(on.a, &status) == cudaSuccess);
    CHECK(status == cudaStreamCaptureStatusInvalidated);
    CHECK(sim::Enqueue(on.a, [] {}) == cudaErrorStreamCaptureInvalidated);
    CHECK(on.End() == cudaErrorStreamCaptureInvalidated);
    CHECK(cudaStreamIsCapturing(on.a, &status) == cudaSuccess);
    CHECK(status == cudaStreamCaptureStatusNone);
    CHECK(on.Read() == 0);
  };
  const auto unsupported = cudaErrorStreamCaptureUnsupported;
  spoils(unsupported, [&] { return cudaStreamSynchronize(on.a); });
  spoils(unsupported, [&] { return cudaStreamQuery(on.a); });
  spoils(unsupported, [&] { return cudaDeviceSynchronize(); });
  spoils(unsupported, [&] { return cudaMalloc(&memory, 8); });
  spoils(unsupported, [&] { return cudaMallocHost(&memory, 8); });
  spoils(unsupported, [&] { return cudaFree(on.data); });
  spoils(unsupported, [&] { return cudaEventQuery(on.other); });
  spoils(unsupported, [&] {
    return cudaMemcpyAsync(on.data, &host, sizeof(float), cudaMemcpyHostToDevice, on.a);
  });
  spoils(cudaErrorStreamCaptureIsolation, [&] {
    cudaEventRecord(on.other, on.b);
    return cudaStreamWaitEvent(on.a, on.other, 0);
  });
  // Another thread may call what it likes; so may this one, in relaxed mode.
  on.Begin();
  std::thread([&] {
    CHECK(cudaMalloc(&memory, 8) == cudaSuccess);
    CHECK(cudaFree(memory) == cudaSuccess);
  }).join();
  auto mode = cudaStreamCaptureModeRelaxed;
  cudaThreadExchangeStreamCaptureMode(&mode);
  CHECK(cudaEventQuery(on.other) == cudaSuccess);
  cudaThreadExchangeStreamCaptureMode(&mode);
  CHECK(mode == cudaStreamCaptureModeRelaxed);
  CHECK(on.End() == cudaSuccess);
  cudaGraphExecDestroy(on.exec);
}

TEST_CASE("How a capture ends") {
  Setup on;
  on.Begin();
  cudaEventRecord(on.fork, on.a);
  cudaStreamWaitEvent(on.b, on.fork, 0);
  on.Add(on.b, 1);
  CHECK(on.End() == cudaErrorStreamCaptureUnjoined);

  on.Begin();
  cudaEventRecord(on.fork, on.a);
  cudaStreamWaitEvent(on.b, on.fork, 0);
  cudaGraph_t graph;
  CHECK(cudaStreamEndCapture(on.b, &graph) == cudaErrorStreamCaptureUnmatched);
  CHECK(on.End() == cudaErrorStreamCaptureInvalidated);

  on.Begin();
  std::thread([&] {
    cudaGraph_t made;
    CHECK(cudaStreamEndCapture(on.a, &made) == cudaErrorStreamCaptureWrongThread);
  }).join();
  CHECK(on.End() == cudaErrorStreamCaptureInvalidated);

  // An event of a capture is no event for the world outside.
  on.Begin();
  on.Add(on.a, 1);
  cudaEventRecord(on.fork, on.a);
  CHECK(on.End() == cudaSuccess);
  CHECK(cudaStreamWaitEvent(on.b, on.fork, 0) == cudaErrorCapturedEvent);
  CHECK(cudaEventSynchronize(on.fork) == cudaErrorCapturedEvent);
  cudaEventRecord(on.fork, on.a);
  CHECK(cudaStreamWaitEvent(on.b, on.fork, 0) == cudaSuccess);
  cudaGraphExecDestroy(on.exec);
}

TEST_CASE("Two captures do not merge") {
  Setup on;
  on.Begin();
  REQUIRE(cudaStreamBeginCapture(on.b, cudaStreamCaptureModeThreadLocal) == cudaSuccess);
  CHECK(cudaStreamBeginCapture(on.b, cudaStreamCaptureModeThreadLocal) == cudaErrorIllegalState);
  cudaEventRecord(on.fork, on.a);
  CHECK(cudaStreamWaitEvent(on.b, on.fork, 0) == cudaErrorStreamCaptureMerge);
  cudaGraph_t graph;
  CHECK(cudaStreamEndCapture(on.b, &graph) == cudaErrorStreamCaptureInvalidated);
  CHECK(on.End() == cudaErrorStreamCaptureInvalidated);
}

}  // namespace
}  // namespace convoy
