// Copies to, from and between GPUs: right, in order, and without the host waiting where it need
// not.
#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <numeric>
#include <thread>
#include <vector>

#include "core/base/error.h"
#include "core/cuda/check.h"
#include "core/cuda/pinned.h"
#include "core/cuda/stream.h"
#include "core/readback.h"
#include "core/tensor.h"
#include "tests/core/cuda/pool_helpers.h"
#include "tests/core/first_difference.h"
#include "tests/gpu.h"

#if defined(CONVOY_SIM)
#include "tests/sim/control.h"
#endif

namespace convoy::cuda {
namespace {

std::vector<int64_t> Counting(int64_t n, int64_t from = 0) {
  std::vector<int64_t> values(static_cast<size_t>(n));
  std::iota(values.begin(), values.end(), from);
  return values;
}

TEST_CASE("elements go to a GPU and come back, in pieces if they are many") {
  CONVOY_NEED_GPUS(1);
  const Device device = Device::Cuda(0);
  for (const int64_t n : {0, 1, 1000, 5'000'000}) {  // up to 40 MB
    const Tensor there = Tensor::From<int64_t>({n}, Counting(n), device);
    CHECK(there.device() == device);
    CHECK(there.numel() == n);
    CHECK(FirstDifference(there.ToVector<int64_t>(), Counting(n)) == "");
    CHECK(FirstDifference(there.To(Device::Cpu()).ToVector<int64_t>(), Counting(n)) == "");
    CHECK(FirstDifference(there.Clone().ToVector<int64_t>(), Counting(n)) == "");
  }
}

TEST_CASE("Full, Zeros, Scalar and Item on a GPU, for every dtype") {
  CONVOY_NEED_GPUS(1);
  const Device device = Device::Cuda(0);
  for (const DType dtype : {DType::kF32, DType::kF64, DType::kBF16, DType::kF16, DType::kI32,
                            DType::kI64, DType::kU8, DType::kBool}) {
    const Tensor cpu = Tensor::Full({300}, 1, {dtype, Device::Cpu()});
    const Tensor gpu = Tensor::Full({300}, 1, {dtype, device});
    CHECK(Readback(gpu.View({1}, 299)).Item() == 1);
    CHECK(Readback(cpu.View({1}, 299)).Item() == 1);
    CHECK(Readback(Tensor::Zeros({1}, {dtype, device})).Item() == 0);
  }
  CHECK(Tensor::Scalar(2.5f, device).Item<float>() == 2.5f);
}

TEST_CASE(
    "a copy to a GPU takes what the host's memory holds when it is called, and does not wait") {
  CONVOY_NEED_GPUS(1);
  const Device device = Device::Cuda(0);
  const Tensor target = Tensor::Zeros({1000}, {DType::kI64, device});
  Synchronize(Use(device));
#if defined(CONVOY_SIM)
  sim::LagStreams(sim::Lag::kAllStreams);
  const int64_t syncs = sim::HostSyncs(), pageable = sim::PageableCopies();
#endif
  const int64_t waits = HostWaits();
  const Tensor host = Tensor::Empty({1000}, {DType::kI64, Device::Cpu()});
  std::vector<Tensor> copies;
  for (int64_t i = 0; i < 20; ++i) {
    const std::vector<int64_t> values = Counting(1000, i);
    std::copy(values.begin(), values.end(), host.data<int64_t>());
    target.CopyFrom(host);
    copies.push_back(target.Clone());
  }
  CHECK(HostWaits() == waits);
#if defined(CONVOY_SIM)
  CHECK(sim::HostSyncs() == syncs);
  CHECK(sim::PageableCopies() == pageable);
#endif
  for (int64_t i = 0; i < 20; ++i) {
    CHECK(FirstDifference(copies[static_cast<size_t>(i)].ToVector<int64_t>(), Counting(1000, i)) ==
          "");
  }
  CHECK(HostWaits() > waits);
#if defined(CONVOY_SIM)
  sim::Reset();
#endif
}

TEST_CASE("pinned buffers are used again once their copy is done") {
  CONVOY_NEED_GPUS(1);
  const Device device = Device::Cuda(0);
  const Tensor target = Tensor::Empty({1000}, {DType::kI64, device});
  const auto step = [&](int64_t i) {
    target.CopyFrom(Tensor::From<int64_t>({1000}, Counting(1000, i)));
    CHECK(FirstDifference(target.ToVector<int64_t>(), Counting(1000, i)) == "");
  };
  step(0);
  const int64_t before = GetPinnedStats().allocations;
  for (int64_t i = 1; i < 50; ++i) step(i);
  CHECK(GetPinnedStats().allocations == before);
}

TEST_CASE("a readback is queued: only asking for values that are not there waits") {
  CONVOY_NEED_GPUS(1);
  const Device device = Device::Cuda(0);
  Synchronize(Use(device));
  const int64_t waits = HostWaits();
  Tensor loss = Tensor::Scalar(3.5f, device);
  const Readback early(loss);
  loss.CopyFrom(Tensor::Scalar(4.5f));
  const Readback late(loss);
  loss = Tensor();
  while (!late.Done()) {
  }
  CHECK(early.Done());
  CHECK(early.Item() == 3.5);
  CHECK(late.Values<float>() == std::vector<float>{4.5f});
  CHECK(HostWaits() == waits);
  CHECK_THROWS_WITH(late.Values<double>(), "[Readback] elements are f32, not f64");
  CHECK_THROWS_WITH(Readback(Tensor::Zeros({2}, {DType::kF32, device})).Item(),
                    "[Readback] Item wants one element, there are 2");
#if defined(CONVOY_SIM)
  sim::LagStream(Use(device), true);
  const Readback not_yet(Tensor::Scalar(5.5f, device));
  CHECK(not_yet.Item() == 5.5);
  CHECK(HostWaits() == waits + 1);
  sim::Reset();
#endif
}

TEST_CASE("a readback of a CPU tensor is there at once") {
  const Tensor tensor = Tensor::From<float>({2}, {1, 2});
  const Readback readback(tensor);
  tensor.Zero();
  CHECK(readback.Done());
  CHECK(readback.Values<float>() == std::vector<float>{1, 2});
}

TEST_CASE("AddInto on a GPU: every floating dtype, aligned or not, to the last element") {
  CONVOY_NEED_GPUS(1);
  const Device device = Device::Cuda(0);
  for (const DType dtype : {DType::kF32, DType::kF64, DType::kBF16, DType::kF16}) {
    for (const int64_t offset : {0, 1}) {
      const int64_t n = 1003;
      const Tensor sum = Tensor::Full({n + 1}, 2, {dtype, device});
      const Tensor term = Tensor::Full({n + 1}, 3, {dtype, device});
      GetBackend(DeviceType::kCuda)
          .AddInto(device, sum.View({n}, offset).raw_data(), term.View({n}, offset).raw_data(),
                   dtype, n);
      for (int64_t i = 0; i <= n; ++i) {
        const double expected = i >= offset && i < n + offset ? 5 : 2;
        if (i % 250 > 2) continue;
        CHECK(Readback(sum.View({1}, i)).Item() == expected);
      }
    }
  }
}

TEST_CASE("elements go from one GPU to another") {
  CONVOY_NEED_GPUS(2);
  const Tensor first = Tensor::From<int64_t>({1000}, Counting(1000), Device::Cuda(0));
  const Tensor second = first.To(Device::Cuda(1));
  CHECK(second.device() == Device::Cuda(1));
  CHECK(FirstDifference(second.ToVector<int64_t>(), Counting(1000)) == "");
  CHECK(FirstDifference(second.To(Device::Cuda(0)).ToVector<int64_t>(), Counting(1000)) == "");
}

#if defined(CONVOY_SIM)

TEST_CASE("a copy that uses a pinned buffer again waits for the copy before it") {
  CONVOY_NEED_GPUS(1);
  const Device device = Device::Cuda(0);
  Synchronize(Use(device));
  // 8 MiB each: 320 MiB, of which 256 MiB may be on the way at once.
  constexpr int64_t kCopies = 40, kElements = 1 << 20;
  std::vector<Tensor> targets;
  for (int64_t i = 0; i < kCopies; ++i) {
    targets.push_back(Tensor::Empty({kElements}, {DType::kI64, device}));
  }
  Hold hold;
  CONVOY_CUDA(cudaLaunchHostFunc(Use(device), Hold::Run, &hold));
  std::atomic<int64_t> queued = 0;
  std::thread release([&] {  // once the copies go no further
    int64_t seen = -1;
    for (int still_ms = 0; still_ms < 300 && queued < kCopies; ++still_ms) {
      if (seen != queued) seen = queued, still_ms = 0;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    hold.over = true;
  });
  for (const Tensor& target : targets) {
    target.CopyFrom(
        Tensor::Full({kElements}, static_cast<double>(queued), {DType::kI64, Device::Cpu()}));
    ++queued;
  }
  release.join();
  CHECK(GetPinnedStats().bytes <= int64_t{264} << 20);
  std::vector<int64_t> first, last;
  for (const Tensor& target : targets) {
    first.push_back(target.View({1}).Item<int64_t>());
    last.push_back(target.View({1}, kElements - 1).Item<int64_t>());
  }
  CHECK(first == Counting(kCopies));
  CHECK(last == Counting(kCopies));
}

// The source is written by a stream that dawdles, copied, and overwritten: what arrives?
int64_t CopiedValue(bool source_lags) {
  const Device from = Device::Cuda(2), to = Device::Cuda(3);
  const Tensor source = Tensor::From<int64_t>({100}, Counting(100, 0), from);
  const Tensor target = Tensor::Zeros({100}, {DType::kI64, to});
  Synchronize(Use(from));
  Synchronize(Use(to));
  sim::LagStream(Use(source_lags ? from : to), true);
  source.CopyFrom(Tensor::From<int64_t>({100}, Counting(100, 1000)));
  target.CopyFrom(source);
  source.CopyFrom(Tensor::From<int64_t>({100}, Counting(100, 2000)));
  if (!source_lags) Synchronize(Use(from));
  const int64_t value = target.View({1}).Item<int64_t>();
  sim::LagStream(Use(from), false);
  sim::LagStream(Use(to), false);
  return value;
}

TEST_CASE("a copy between GPUs waits for the source, and the source's next write for the copy") {
  CONVOY_NEED_GPUS(4);
  CHECK(CopiedValue(/*source_lags=*/true) == 1000);
  CHECK(CopiedValue(/*source_lags=*/false) == 1000);
  if (kRacesFail) return sim::Reset();
  sim::DropWaits("copy: source written");
  CHECK(CopiedValue(/*source_lags=*/true) == 0);
  sim::DropWaits("copy: source read");
  CHECK(CopiedValue(/*source_lags=*/false) == 2000);
  sim::Reset();
}

#endif

}  // namespace
}  // namespace convoy::cuda
