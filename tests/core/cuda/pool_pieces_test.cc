// Pieces of the GPU's memory that are cut, freed and joined: none is given to two owners, or
// written before all its users are done.
#include <catch2/catch.hpp>
#include <chrono>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "core/cuda/check.h"
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

// Which two of the tensors share memory; empty if none do.
std::string Overlap(const std::vector<Tensor>& tensors) {
  for (size_t i = 0; i < tensors.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      const char* a = static_cast<const char*>(tensors[i].raw_data());
      const char* b = static_cast<const char*>(tensors[j].raw_data());
      if (a < b + tensors[j].bytes() && b < a + tensors[i].bytes()) {
        return "tensors " + std::to_string(j) + " and " + std::to_string(i);
      }
    }
  }
  return "";
}

TEST_CASE("pieces that are cut, freed and joined at random never overlap, and become one again") {
  CONVOY_NEED_GPUS(1);
  if (!kReuses) return;
  const Device device = Clean(0);
  const int64_t reserved = GetPoolStats(device).memory.reserved_bytes;
  uint64_t random = 1;
  const auto below = [&random](size_t bound) {
    random = random * 6364136223846793005u + 1442695040888963407u;
    return static_cast<size_t>(random >> 33) % bound;
  };
  std::vector<Tensor> live;
  for (int i = 0; i < 2000; ++i) {
    CAPTURE(i);
    if (live.size() > 8 || (!live.empty() && below(2) == 0)) {
      live.erase(live.begin() + static_cast<ptrdiff_t>(below(live.size())));
    } else {
      live.push_back(Bytes(device, static_cast<int64_t>(2 + below(7)) * kMiB));
    }
    REQUIRE(Overlap(live) == "");
  }
  live.clear();
  CHECK(GetPoolStats(device).largest_free_bytes == 20 * kMiB);
  GetBackend(DeviceType::kCuda).ReleaseCached(device);
  CHECK(GetPoolStats(device).memory.reserved_bytes == reserved);
}

TEST_CASE("ReleaseCached leaves a segment of which a piece is in use") {
  CONVOY_NEED_GPUS(1);
  if (!kReuses) return;
  const Device device = Clean(0);
  const int64_t reserved = GetPoolStats(device).memory.reserved_bytes;
  for (const size_t kept : {0, 1, 2}) {
    INFO("piece " << kept << " of three is in use");
    std::vector<Tensor> pieces;
    for (int i = 0; i < 3; ++i) pieces.push_back(Bytes(device, 4 * kMiB));
    Write(pieces[kept].View({1000}), 5);
    for (size_t i = 0; i < 3; ++i) {
      if (i != kept) pieces[i] = Tensor();
    }
    GetBackend(DeviceType::kCuda).ReleaseCached(device);
    CHECK(GetPoolStats(device).memory.reserved_bytes == reserved + 20 * kMiB);
    CHECK(pieces[kept].View({1000}).ToVector<uint8_t>() == Ones(1000, 5));
    pieces.clear();
    GetBackend(DeviceType::kCuda).ReleaseCached(device);
    CHECK(GetPoolStats(device).memory.reserved_bytes == reserved);
  }
}

#if defined(CONVOY_SIM)

// A piece is read by two streams, one of which dawdles, freed, and written again: what that has
// read.
int ReadByTwo(const Device device, size_t dawdler) {
  const Stream sides[] = {Stream(device), Stream(device)};
  sim::LagStream(sides[dawdler].get(), true);
  Tensor x = Bytes(device, 3000);
  const void* place = x.raw_data();
  Write(x, 1);
  Event written(device);
  written.Record(Use(device));
  Tensor copies[2];
  for (size_t i = 0; i < 2; ++i) {
    written.MakeWait(sides[i].get(), "test: written");
    const StreamScope scope(sides[i]);
    copies[i] = Bytes(device, 3000);
    copies[i].CopyFrom(x);
    RecordUse(x, sides[i].get());
  }
  x = Tensor();
  const Tensor z = Bytes(device, 3000);
  CHECK(z.raw_data() == place);
  Write(z, 7);
  Synchronize(Use(device));
  const StreamScope scope(sides[dawdler]);
  return First(copies[dawdler]);
}

TEST_CASE("memory that two streams have read is written after both") {
  CONVOY_NEED_GPUS(6);
  if (!kReuses) return;
  CHECK(ReadByTwo(Clean(4), 0) == 1);
  CHECK(ReadByTwo(Clean(5), 1) == 1);
  sim::Reset();
}

// Two neighbours, each read by a dawdling stream of its own, are freed in either order, become one
// piece, and are written as such. What the two streams have read.
std::vector<int> ReadAfterMerge(const Device device, bool first_goes_first) {
  const Stream sides[] = {Stream(device), Stream(device)};
  // All from one segment of 20 MiB, whose rest is too small for both.
  std::vector<Tensor> neighbours = {Bytes(device, 4 * kMiB), Bytes(device, 4 * kMiB)};
  const Tensor rest = Bytes(device, 6 * kMiB);
  const void* place = neighbours[0].raw_data();
  CHECK(static_cast<char*>(neighbours[1].raw_data()) - static_cast<const char*>(place) == 4 * kMiB);
  std::vector<Tensor> copies;
  for (size_t i = 0; i < 2; ++i) {
    const cudaStream_t side = sides[i].get();
    sim::LagStream(side, true);
    const Tensor start = neighbours[i].View({3000});
    Write(start, 1);
    Event written(device);
    written.Record(Use(device));
    written.MakeWait(side, "test: written");
    const StreamScope scope(sides[i]);
    copies.push_back(Bytes(device, 3000));
    copies[i].CopyFrom(start);
    RecordUse(start, side);
  }
  neighbours[first_goes_first ? 0 : 1] = Tensor();
  neighbours[first_goes_first ? 1 : 0] = Tensor();
  const Tensor both = Bytes(device, 8 * kMiB);
  CHECK(both.raw_data() == place);
  Write(both.View({3000}), 7);
  Write(both.View({3000}, 4 * kMiB), 7);
  Synchronize(Use(device));
  std::vector<int> seen;
  for (size_t i = 0; i < 2; ++i) {
    const StreamScope scope(sides[i]);
    seen.push_back(First(copies[i]));
  }
  return seen;
}

TEST_CASE("pieces that become one are written after the readers of both") {
  CONVOY_NEED_GPUS(2);
  if (!kReuses) return;
  for (const bool first_goes_first : {true, false}) {
    INFO("the " << (first_goes_first ? "first" : "second") << " of the two is freed first");
    CHECK(ReadAfterMerge(Clean(1), first_goes_first) == std::vector<int>{1, 1});
  }
  if (kRacesFail) return sim::Reset();
  sim::DropWaits("pool: used by another stream");
  CHECK(ReadAfterMerge(Clean(1), true) == std::vector<int>{7, 7});
  sim::Reset();
}

// The driver has no more memory. A side stream has taken a piece of the compute stream's, whose
// neighbour the compute stream then frees with a write under way. The side stream frees its piece,
// and asks for more than that.
void TakeNeighbourOfAnotherStream(const Device device) {
  const Stream side(device);
  Tensor first = Bytes(device, 4 * kMiB), second = Bytes(device, 4 * kMiB);
  const void* place = first.raw_data();
  first = Tensor();
  Tensor taken;
  {
    const StreamScope scope(side);
    taken = Bytes(device, 4 * kMiB);
    CHECK(taken.raw_data() == place);
  }
  Synchronize(Use(device));
  sim::LagStream(Use(device), true);
  second.Zero();
  second = Tensor();
  taken = Tensor();
  const StreamScope scope(side);
  const Tensor large = Bytes(device, 8 * kMiB);
  Write(large, 7);
  Synchronize(side.get());
  sim::LagStream(ComputeStream(device), false);
  Synchronize(ComputeStream(device));
  CHECK(int{First(large)} == 7);
  CHECK(int{First(large.View({1}, 4 * kMiB))} == 7);
}

TEST_CASE("neighbours of two streams do not become one") {
  CONVOY_NEED_GPUS(3);
  if (!kReuses) return;
  const Device device = Clean(2);
  sim::SetMemory(20 * kMiB);
  TakeNeighbourOfAnotherStream(device);
  sim::Reset();
}

// A stream that reads memory of the compute stream dies before it is done. The memory is then
// freed, and written again.
int ReadByDeadReader(const Device device) {
  std::optional<Stream> side(std::in_place, device);
  Tensor x = Bytes(device, 3000);
  const Tensor copy = Bytes(device, 3000);
  const void* place = x.raw_data();
  Write(x, 1);
  Synchronize(Use(device));
  Hold hold;
  {
    const StreamScope scope(*side);
    CONVOY_CUDA(cudaLaunchHostFunc(side->get(), Hold::Run, &hold));
    copy.CopyFrom(x);
  }
  RecordUse(x, side->get());
  Event copied(device);
  copied.Record(side->get());
  side.reset();
  while (!hold.begun) std::this_thread::yield();
  x = Tensor();
  const Tensor y = Bytes(device, 3000);
  CHECK(y.raw_data() == place);
  y.Zero();
  Event written(device);
  written.Record(Use(device));
  for (int i = 0; i < 300 && !written.Done(); ++i) {  // it is written now, if ever
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  hold.over = true;
  Synchronize(copied);
  return First(copy);
}

TEST_CASE("memory that a stream which is gone was reading is written after that") {
  CONVOY_NEED_GPUS(4);
  if (!kReuses) return;
  CHECK(ReadByDeadReader(Clean(3)) == 1);
  if (kRacesFail) return sim::Reset();
  sim::DropWaits("pool: used by another stream");
  CHECK(ReadByDeadReader(Clean(3)) == 0);
  sim::Reset();
}

#endif

}  // namespace
}  // namespace convoy::cuda
