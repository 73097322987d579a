// Recorded graphs: what a replay does, and whose its memory is.
#include <catch2/catch.hpp>
#include <optional>
#include <vector>

#include "core/autograd.h"
#include "core/base/error.h"
#include "core/cuda/memory.h"
#include "core/cuda/stream.h"
#include "core/tensor.h"
#include "tests/gpu.h"

#if defined(CONVOY_SIM)
#include "tests/sim/control.h"
#endif

namespace convoy::cuda {
namespace {

const Device kDevice = Device::Cuda(0);

#if defined(__SANITIZE_ADDRESS__)
constexpr bool kReuses = false;  // every block is the driver's own there
#else
constexpr bool kReuses = true;
#endif

Backend& Gpu() { return GetBackend(DeviceType::kCuda); }

std::unique_ptr<Recording> Record(const std::function<void()>& work, Device device = kDevice) {
  return Gpu().Record(device, work);
}

Tensor Floats(float value, int64_t n = 1000, Device device = kDevice) {
  return Tensor::Full({n}, value, {DType::kF32, device});
}

void Add(const Tensor& to, const Tensor& from) {
  Gpu().AddInto(to.device(), to.raw_data(), from.raw_data(), to.dtype(), to.numel());
}

float First(const Tensor& tensor) { return tensor.View({1}).Item<float>(); }

TEST_CASE("recording carries nothing out; each replay does, on what the inputs then hold") {
  CONVOY_NEED_GPUS(1);
  const Tensor x = Floats(1), total = Floats(0);
  Tensor doubled;
  const auto recording = Record([&] {
    doubled = x.Clone();
    Add(doubled, x);
    Add(total, doubled);
  });
  CHECK(First(total) == 0);
  recording->Replay();
  CHECK(First(doubled) == 2);
  CHECK(First(total) == 2);
  x.CopyFrom(Floats(5));
  recording->Replay();
  recording->Replay();
  CHECK(First(doubled) == 10);
  CHECK(First(total) == 22);
}

TEST_CASE("replays make the host wait for nothing") {
  CONVOY_NEED_GPUS(1);
  const Tensor x = Floats(1), total = Floats(0);
  const auto recording = Record([&] { Add(total, x); });
  recording->Replay();
  Synchronize(Use(kDevice));
  const int64_t before = HostWaits();
#if defined(CONVOY_SIM)
  const int64_t syncs = sim::HostSyncs();
#endif
  for (int i = 0; i < 10; ++i) recording->Replay();
  CHECK(HostWaits() == before);
#if defined(CONVOY_SIM)
  CHECK(sim::HostSyncs() == syncs);
#endif
  CHECK(First(total) == 11);
}

TEST_CASE("memory that is freed while recording is used again within the recording") {
  CONVOY_NEED_GPUS(1);
  if (!kReuses) return;
  const int64_t n = 1 << 20;  // 4 MiB each
  const Tensor x = Floats(1, n);
  Tensor last;
  const int64_t before = GetPoolStats(kDevice).recorded_bytes;
  const auto recording = Record([&] {
    last = x;
    for (int i = 0; i < 30; ++i) {
      const Tensor next = last.Clone();
      Add(next, x);
      last = next;
    }
  });
  // One segment for these, and one for what is small.
  CHECK(GetPoolStats(kDevice).recorded_bytes - before <= int64_t{20 + 2} << 20);
  recording->Replay();
  CHECK(First(last) == 31);
}

TEST_CASE("nobody else gets a recording's memory before it dies, and a replay touches nobody's") {
  CONVOY_NEED_GPUS(1);
  const Tensor x = Floats(3);
  Tensor result;
  auto recording = Record([&] {
    Tensor temporary = x.Clone();
    Add(temporary, x);
    result = temporary.Clone();
    Add(result, temporary);
  });
  // As many as could ever be given the place of `temporary`, which is free.
  std::vector<Tensor> others;
  for (int i = 0; i < 200; ++i) others.push_back(Floats(7));
  recording->Replay();
  CHECK(First(result) == 12);
  for (const Tensor& other : others) CHECK(First(other) == 7);

  // What the recording made outlives it.
  recording = nullptr;
  for (int i = 0; i < 200; ++i) others.push_back(Floats(8));
  CHECK(First(result) == 12);
}

TEST_CASE("a recording's memory is the pool's again when it dies") {
  CONVOY_NEED_GPUS(1);
  if (!kReuses) return;
  Synchronize(Use(kDevice));
  Gpu().ReleaseCached(kDevice);
  const Tensor x = Floats(1, 1 << 20);
  const PoolStats before = GetPoolStats(kDevice);
  auto recording = Record([&] { const Tensor copy = x.Clone(); });
  recording->Replay();
  CHECK(GetPoolStats(kDevice).recorded_bytes > before.recorded_bytes);
  recording = nullptr;
  CHECK(GetPoolStats(kDevice).recorded_bytes == before.recorded_bytes);
  CHECK(GetPoolStats(kDevice).memory.current_bytes == before.memory.current_bytes);
  const int64_t asked = GetPoolStats(kDevice).driver_allocations;
  const Tensor copy = x.Clone();
  CHECK(GetPoolStats(kDevice).driver_allocations == asked);
}

TEST_CASE("tensors from before that go while recording keep their memory for the replays") {
  CONVOY_NEED_GPUS(1);
  const int64_t before = GetPoolStats(kDevice).memory.current_bytes;
  Tensor x = Floats(4);
  Tensor result;
  auto recording = Record([&] {
    result = x.Clone();
    x = Tensor();
  });
  std::vector<Tensor> others;
  for (int i = 0; i < 200; ++i) others.push_back(Floats(7));
  recording->Replay();
  CHECK(First(result) == 4);
  recording = nullptr;
  result = Tensor();
  others.clear();
  CHECK(GetPoolStats(kDevice).memory.current_bytes == before);
}

TEST_CASE("values from the host are those of the recording, in every replay") {
  CONVOY_NEED_GPUS(1);
  Tensor x;
  const auto recording = Record([&] { x = Tensor::From<float>({2}, {1.5f, 2.5f}, kDevice); });
  for (int i = 0; i < 3; ++i) {
    recording->Replay();
    CHECK(x.ToVector<float>() == std::vector<float>{1.5f, 2.5f});
    x.Zero();
    for (int k = 0; k < 10; ++k) Tensor::From<float>({2}, {7, 7}, kDevice);  // other pinned copies
  }
}

TEST_CASE("a stream that joins a recording is part of every replay") {
  CONVOY_NEED_GPUS(1);
  const Stream side(kDevice, Stream::Priority::kHigh);
  const Tensor x = Floats(1), total = Floats(0);
  const auto recording = Record([&] {
    const Tensor copy = x.Clone();
    Event forked(kDevice), joined(kDevice);
    forked.Record(Use(kDevice));
    forked.MakeWait(side.get(), "test: fork");
    {
      const StreamScope scope(side);
      const Tensor more = copy.Clone();
      Add(total, more);
      RecordUse(copy, side.get());
    }
    joined.Record(side.get());
    joined.MakeWait(Use(kDevice), "test: join");
    Add(total, copy);
  });
  for (int i = 1; i <= 3; ++i) {
    recording->Replay();
    CHECK(First(total) == 2 * i);
  }
}

TEST_CASE("an error while recording is the caller's, and leaves things as they were") {
  CONVOY_NEED_GPUS(1);
  const Tensor x = Floats(1);
  CHECK_THROWS_WITH(Record([&] {
                      const Tensor copy = x.Clone();
                      Fail("[Test] no");
                    }),
                    "[Test] no");
  CHECK_THROWS_WITH(Record([&] { x.ToVector<float>(); }),
                    "[CUDA] reading a tensor on the host cannot be part of a recorded graph; do it "
                    "before or after");
  CHECK_THROWS_WITH(Record([&] { Gpu().Synchronize(kDevice); }),
                    "[CUDA] the host cannot wait for a GPU while a graph is recorded");
  CHECK_THROWS_WITH(Record([&] { Record([] {}); }),
                    "[CUDA] a graph is being recorded by this thread already");
  CHECK(First(x) == 1);
  const auto recording = Record([&] { Add(x, x); });
  recording->Replay();
  CHECK(First(x) == 2);
  CHECK_THROWS_WITH(GetBackend(DeviceType::kCpu).Record(Device::Cpu(), [] {}),
                    "[Record] cpu:0 cannot record its work: only GPUs have graphs");
}

#if defined(CONVOY_SIM)

// ThreadSanitizer reports a wait that is left out as the race that it is.
#if defined(__SANITIZE_THREAD__)
[[maybe_unused]] constexpr bool kRacesFail = true;
#else
[[maybe_unused]] constexpr bool kRacesFail = false;
#endif

// So large that it has a segment of its own.
Tensor Large(float value, Device device) {
  return Tensor::Full({3 << 20}, value, {DType::kF32, Device::Cpu()}).To(device);
}

// Cached memory, which work under way still reads, is taken over by a recording and written by its
// first replay, on another stream.
float TakenOver(const Device device) {
  const Stream side(device);
  Tensor x = Large(1, device);
  Synchronize(Use(device));
  sim::LagStream(Use(device), true);
  const Tensor copy = x.Clone();
  const void* place = x.raw_data();
  x = Tensor();
  const Tensor sevens = [&] {
    const StreamScope scope(side);
    return Large(7, device);
  }();
  Synchronize(side.get());
  Tensor made;
  const auto recording = Record([&] { made = sevens.Clone(); }, device);
  CHECK(made.raw_data() == place);
  {
    const StreamScope scope(side);
    recording->Replay();
  }
  Synchronize(side.get());
  Synchronize(Use(device));
  sim::LagStream(Use(device), false);
  return First(copy);
}

TEST_CASE("a recording takes cached memory over, and its first replay waits for its last users") {
  CONVOY_NEED_GPUS(3);
  if (!kReuses) return;
  CHECK(TakenOver(Device::Cuda(1)) == 1);
  if (kRacesFail) return sim::Reset();
  sim::DropWaits("pool: taken over by a graph");
  CHECK(TakenOver(Device::Cuda(2)) == 7);
  sim::Reset();
}

// Replays on two streams, of which the first dawdles.
float OnTwoStreams() {
  const Stream side(kDevice);
  const Tensor x = Floats(1), total = Floats(0);
  Tensor sum;
  const auto recording = Record([&] { Add(total, x); });
  Synchronize(Use(kDevice));
  sim::LagStream(Use(kDevice), true);
  total.CopyFrom(Floats(10));
  recording->Replay();
  const StreamScope scope(side);
  recording->Replay();
  const float value = First(total);
  sim::LagStream(ComputeStream(kDevice), false);
  Synchronize(ComputeStream(kDevice));
  return value;
}

TEST_CASE("a replay on another stream comes after the one before") {
  CHECK(OnTwoStreams() == 12);
  if (kRacesFail) return sim::Reset();
  sim::DropWaits("graph: replayed on another stream");
  CHECK(OnTwoStreams() == 1);
  sim::Reset();
}

// A recording dies while its last replay dawdles; its memory is then written by the compute stream.
float AfterDeath() {
  const Stream side(kDevice);
  const Tensor x = Floats(3);
  const void* place = nullptr;
  auto recording = Record([&] {
    const Tensor temporary = x.Clone();
    place = temporary.raw_data();
  });
  Synchronize(Use(kDevice));
  sim::LagStream(side.get(), true);
  {
    const StreamScope scope(side);
    recording->Replay();
  }
  Event replayed(kDevice);
  replayed.Record(side.get());
  recording = nullptr;
  std::vector<Tensor> taken;  // until the place comes up
  do {
    taken.push_back(Tensor::Empty({1000}, {DType::kF32, kDevice}));
  } while (taken.back().raw_data() != place && taken.size() < 10'000);
  CHECK(taken.back().raw_data() == place);
  taken.back().Zero();
  Synchronize(Use(kDevice));
  Synchronize(replayed);
  return First(taken.back());
}

TEST_CASE("memory of a recording that is gone is written after its last replay") {
  if (!kReuses) return;
  CHECK(AfterDeath() == 0);
  if (kRacesFail) return sim::Reset();
  sim::DropWaits("graph: gone");
  CHECK(AfterDeath() == 3);
  sim::Reset();
}

#endif

}  // namespace
}  // namespace convoy::cuda
