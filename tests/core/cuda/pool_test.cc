// The memory pool of a GPU: reuse in a stream's order, event waits between streams, statistics.
#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <optional>
#include <thread>
#include <vector>

#include "core/autograd.h"
#include "core/base/error.h"
#include "core/cuda/check.h"
#include "core/cuda/memory.h"
#include "core/cuda/stream.h"
#include "core/random.h"
#include "core/tensor.h"
#include "ops/dropout.h"
#include "tests/core/cuda/pool_helpers.h"
#include "tests/gpu.h"

#if defined(CONVOY_SIM)
#include "tests/sim/control.h"
#endif

namespace convoy::cuda {
namespace {

using Catch::Contains;

TEST_CASE("freed memory serves the same stream at once, without the driver") {
  CONVOY_NEED_GPUS(1);
  if (!kReuses) return;
  const Device device = Clean(0);
  Tensor a = Bytes(device, 5000);
  const void* place = a.raw_data();
  const PoolStats before = GetPoolStats(device);
  a = Tensor();
  const Tensor b = Bytes(device, 5000);
  CHECK(b.raw_data() == place);
  const PoolStats after = GetPoolStats(device);
  CHECK(after.driver_allocations == before.driver_allocations);
  CHECK(after.driver_frees == before.driver_frees);
  CHECK(after.waits == before.waits);
  CHECK(after.memory.cache_hits == before.memory.cache_hits + 1);
}

TEST_CASE("memory is aligned, of every size, and all of it is there") {
  CONVOY_NEED_GPUS(1);
  const Device device = Clean(0);
  for (const int64_t bytes : {0, 1, 511, 513, 100'000, 1'048'577, 3'000'000, 11'000'000}) {
    const Tensor tensor = Bytes(device, bytes);
    CHECK(reinterpret_cast<uintptr_t>(tensor.raw_data()) % (kReuses ? 256 : 16) == 0);
    tensor.Zero();
    const std::vector<uint8_t> values = tensor.ToVector<uint8_t>();
    CHECK(values == Ones(bytes, 0));
  }
}

TEST_CASE("neighbours that are free become one piece again") {
  CONVOY_NEED_GPUS(1);
  if (!kReuses) return;
  const Device device = Clean(0);
  const int64_t before = GetPoolStats(device).driver_allocations;
  {
    // All four from one segment of 20 MiB; freed out of order.
    std::vector<Tensor> parts;
    for (int i = 0; i < 4; ++i) parts.push_back(Bytes(device, 4 * kMiB));
    CHECK(GetPoolStats(device).driver_allocations == before + 1);
    parts[1] = Tensor();
    parts[3] = Tensor();
    parts[0] = Tensor();
    parts[2] = Tensor();
  }
  CHECK(GetPoolStats(device).largest_free_bytes == 20 * kMiB);
  const Tensor whole = Bytes(device, 18 * kMiB);
  CHECK(GetPoolStats(device).driver_allocations == before + 1);
}

TEST_CASE("a step's sizes, repeated, ask the driver for nothing") {
  CONVOY_NEED_GPUS(1);
  if (!kReuses) return;
  const Device device = Clean(0);
  const auto step = [&] {
    std::vector<Tensor> live;
    for (int i = 1; i < 60; ++i) {
      live.push_back(Bytes(device, i * i * 1000));
      if (i % 3 == 0) live.erase(live.begin() + i / 3);
    }
  };
  step();
  const PoolStats before = GetPoolStats(device);
  for (int i = 0; i < 5; ++i) step();
  const PoolStats after = GetPoolStats(device);
  CHECK(after.driver_allocations == before.driver_allocations);
  CHECK(after.memory.reserved_bytes == before.memory.reserved_bytes);
  CHECK(after.memory.reserved_bytes < 3 * after.memory.peak_bytes / 2 + 20 * kMiB);
}

TEST_CASE("statistics follow what tensors hold") {
  CONVOY_NEED_GPUS(1);
  const Device device = Clean(0);
  Backend& backend = GetBackend(DeviceType::kCuda);
  const int64_t start = backend.Stats(device).current_bytes;
  backend.ResetPeak(device);
  Tensor a = Bytes(device, 1024);
  CHECK(backend.Stats(device).current_bytes == start + 1024);
  {
    const Tensor b = Bytes(device, 4096);
    const Tensor view = b.View({10}, 5);
    CHECK(backend.Stats(device).current_bytes == start + 1024 + 4096);
  }
  CHECK(backend.Stats(device).current_bytes == start + 1024);
  CHECK(backend.Stats(device).peak_bytes == start + 1024 + 4096);
  CHECK(backend.Stats(device).reserved_bytes >= start + 1024);
  backend.ResetPeak(device);
  CHECK(backend.Stats(device).peak_bytes == start + 1024);
  a = Tensor();
  CHECK(backend.Stats(device).current_bytes == start);
}

TEST_CASE("ReleaseCached gives back what no tensor is in") {
  CONVOY_NEED_GPUS(1);
  if (!kReuses) return;
  const Device device = Clean(0);
  const int64_t start = GetPoolStats(device).memory.reserved_bytes;
  const Tensor kept = Bytes(device, 2 * kMiB);
  Bytes(device, 30 * kMiB);
  CHECK(GetPoolStats(device).memory.reserved_bytes == start + 50 * kMiB);
  GetBackend(DeviceType::kCuda).ReleaseCached(device);
  CHECK(GetPoolStats(device).memory.reserved_bytes == start + 20 * kMiB);
}

TEST_CASE("a stream's memory is its own as long as the driver has more") {
  CONVOY_NEED_GPUS(1);
  if (!kReuses) return;
  const Device device = Clean(0);
  const Stream side(device);
  const int64_t waits = GetPoolStats(device).waits;
  Tensor a = Bytes(device, 100'000);
  const void* place = a.raw_data();
  a = Tensor();
  {
    const StreamScope scope(side);
    CHECK(Bytes(device, 100'000).raw_data() != place);
  }
  CHECK(Bytes(device, 100'000).raw_data() == place);
  CHECK(GetPoolStats(device).waits == waits);
}

// Threads that allocate, write, hand on and free on streams of their own, at random.
TEST_CASE("many threads and streams never see each other's memory") {
  CONVOY_NEED_GPUS(1);
  const Device device = Clean(0);
  std::vector<std::thread> threads;
  std::vector<int> wrong(4, 0);
  for (size_t t = 0; t < wrong.size(); ++t) {
    threads.emplace_back([&, t] {
      const Stream mine(device), other(device);
      uint64_t random = t + 1;
      for (int i = 0; i < 40; ++i) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        const int64_t bytes = 1000 + static_cast<int64_t>(random >> 40) % 30'000;
        const uint8_t value = static_cast<uint8_t>(random >> 33);
        Tensor copy;
        {
          const StreamScope scope(mine);
          const Tensor a = Bytes(device, bytes);
          Write(a, value);
          Event written(device);
          written.Record(mine.get());
          written.MakeWait(other.get(), "test: written");
          const StreamScope inner(other);
          copy = Bytes(device, bytes);
          copy.CopyFrom(a);
          RecordUse(a, other.get());
        }
        const StreamScope scope(other);
        wrong[t] += copy.ToVector<uint8_t>() != Ones(bytes, value);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == std::vector<int>(4, 0));
}

#if defined(CONVOY_SIM)

// Each of the next three returns what it read back: right with its wait, wrong without.

// x is read by a side stream that dawdles, freed, and its memory written again by its own stream.
uint8_t ReadAfterFree(const Device device) {
  const Stream side(device);
  sim::LagStream(side.get(), true);
  Tensor x = Bytes(device, 3000);
  const void* place = x.raw_data();
  Write(x, 1);
  Event written(device);
  written.Record(Use(device));
  written.MakeWait(side.get(), "test: written");
  Tensor copy;
  {
    const StreamScope scope(side);
    copy = Bytes(device, 3000);
    copy.CopyFrom(x);
  }
  RecordUse(x, side.get());
  x = Tensor();
  const Tensor z = Bytes(device, 3000);
  CHECK(z.raw_data() == place);
  Write(z, 7);
  Synchronize(Use(device));
  const StreamScope scope(side);
  return First(copy);
}

TEST_CASE("memory that another stream still reads is not written before it is done") {
  CONVOY_NEED_GPUS(2);
  if (!kReuses) return;
  const Device device = Clean(1);
  CHECK(ReadAfterFree(device) == 1);
  if (kRacesFail) return sim::Reset();
  sim::DropWaits("pool: used by another stream");
  CHECK(ReadAfterFree(device) == 7);
  sim::Reset();
}

// The driver has no more memory: a side stream gets what the compute stream, which dawdles, has
// freed but not yet written.
uint8_t TakenFromAnotherStream(const Device device) {
  const Stream side(device);
  const Tensor sevens = Bytes(device, 2 * kMiB);
  Write(sevens, 7);
  Tensor a = Bytes(device, 2 * kMiB);
  const void* place = a.raw_data();
  Synchronize(Use(device));
  sim::LagStream(Use(device), true);
  a.Zero();
  a = Tensor();
  Tensor b;
  {
    const StreamScope scope(side);
    b = Bytes(device, 2 * kMiB);
    CHECK(b.raw_data() == place);
    b.CopyFrom(sevens);
    Synchronize(side.get());
  }
  Synchronize(Use(device));
  sim::LagStream(Use(device), false);
  const StreamScope scope(side);
  return First(b);
}

TEST_CASE("memory of another stream is used after that stream's work, if the driver has no more") {
  CONVOY_NEED_GPUS(3);
  if (!kReuses) return;
  const Device device = Clean(2);
  sim::SetMemory(4 * kMiB);
  CHECK(TakenFromAnotherStream(device) == 7);
  CHECK(GetPoolStats(device).waits == 1);
  GetBackend(DeviceType::kCuda).ReleaseCached(device);
  if (kRacesFail) return sim::Reset();
  sim::DropWaits("pool: of another stream");
  CHECK(TakenFromAnotherStream(device) == 0);
  sim::Reset();
}

// A stream dies with work under way; the compute stream writes where that work still reads.
uint8_t ReadByDeadStream(const Device device) {
  std::optional<Stream> side(std::in_place, device);
  const Tensor copy = Bytes(device, 3000);
  Hold hold;
  const void* place = nullptr;
  {
    const StreamScope scope(*side);
    const Tensor x = Bytes(device, 3000);
    place = x.raw_data();
    Write(x, 1);
    CONVOY_CUDA(cudaLaunchHostFunc(side->get(), Hold::Run, &hold));
    copy.CopyFrom(x);
  }
  Event copied(device);
  copied.Record(side->get());
  side.reset();
  while (!hold.begun) std::this_thread::yield();
  std::vector<Tensor> taken;  // until the place comes up
  do {
    taken.push_back(Bytes(device, 3000));
  } while (taken.back().raw_data() != place && taken.size() < 10'000);
  CHECK(taken.back().raw_data() == place);
  taken.back().Zero();
  Event written(device);
  written.Record(Use(device));
  for (int i = 0; i < 300 && !written.Done(); ++i) {  // it is written now, if ever
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  hold.over = true;
  Synchronize(copied);
  return First(copy);
}

TEST_CASE("memory of a stream that is gone is used after its work") {
  CONVOY_NEED_GPUS(4);
  if (!kReuses) return;
  const Device device = Clean(3);
  CHECK(ReadByDeadStream(device) == 1);
  if (kRacesFail) return sim::Reset();
  sim::DropWaits("pool: used by another stream");
  CHECK(ReadByDeadStream(device) == 0);
  sim::Reset();
}

TEST_CASE("a full device makes the pool give its cache back and try again") {
  CONVOY_NEED_GPUS(5);
  if (!kReuses) return;
  const Device device = Clean(4);
  sim::SetMemory(64 * kMiB);
  Bytes(device, 30 * kMiB);
  Bytes(device, 31 * kMiB);  // two segments, both free
  const PoolStats before = GetPoolStats(device);
  const Tensor large = Bytes(device, 50 * kMiB);
  const PoolStats after = GetPoolStats(device);
  CHECK(after.driver_frees == before.driver_frees + 2);
  CHECK(after.memory.reserved_bytes == 50 * kMiB);
  sim::Reset();
}

TEST_CASE("out of memory says how much was asked, in use, cached, free, and who holds it") {
  CONVOY_NEED_GPUS(6);
  if (!kReuses) return;
  const Device device = Clean(5);
  sim::SetMemory(100 * kMiB);
  std::vector<Tensor> live;
  const auto hold = [&](const char* what, bool backward, int64_t mib) {
    const MemoryLabel label(what, backward);
    live.push_back(Bytes(device, mib * kMiB));
  };
  hold("parameters", false, 20);
  hold("Attention", false, 14);
  hold("Attention", false, 12);
  hold("MatMul", true, 16);
  live.push_back(Bytes(device, 1000));
  const auto in_gelu = [&] {
    const OpScope scope("Gelu");
    Bytes(device, 64 * kMiB);
  };
  CHECK_THROWS_WITH(
      in_gelu(),
      "[Allocate] cuda:5 is out of memory: 64.0 MiB wanted by Gelu, 62.0 MiB in use by tensors, "
      "2.0 MiB cached (0 bytes of it for recorded graphs), 36.0 MiB of 100.0 MiB free on the "
      "device. Largest holders: Attention 26.0 MiB, parameters 20.0 MiB, backward of MatMul 16.0 "
      "MiB, unnamed 1024 bytes. Use a smaller batch, more micro-batches or --dtype bf16");
  CHECK(CurrentMemoryPurpose() == MemoryPurpose());  // an op that throws leaves no label
  // Nothing is lost.
  live.clear();
  CHECK(Bytes(device, 64 * kMiB).numel() == 64 * kMiB);
  sim::Reset();
}

// A seed that needs no memory of its own.
BackwardOptions SeededWith(const Tensor& tensor) {
  BackwardOptions options;
  options.seed = tensor.Detach();
  return options;
}

TEST_CASE("out of memory names the ops whose results fill the device, and their backwards") {
  CONVOY_NEED_GPUS(7);
  if (!kReuses) return;
  const Device device = Clean(6);
  sim::SetMemory(100 * kMiB);
  Random random(1);
  Tensor y = Tensor::Zeros({3 << 20}, {DType::kF32, device});
  y.SetRequiresGrad();
  std::vector<Tensor> live = {y};
  const auto forward = [&](int ops) {
    for (int i = 0; i < ops; ++i) live.push_back(y = Dropout(y, 0.5, random.NextStream()));
  };
  CHECK_THROWS_WITH(forward(20), Contains("12.0 MiB wanted by Dropout, 96.0 MiB in use") &&
                                     Contains("Largest holders: Dropout 84.0 MiB, unnamed 12.0"));
  live.resize(8);  // as many as fit
  y = live.back();
  CHECK_THROWS_WITH(Backward(y, SeededWith(y)), Contains("12.0 MiB wanted by backward of Dropout"));
  sim::Reset();
}

#endif

}  // namespace
}  // namespace convoy::cuda
