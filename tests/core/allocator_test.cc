// The CPU allocator: alignment, reuse, statistics, running out.
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <vector>

#include "core/backend.h"
#include "core/base/error.h"
#include "core/tensor.h"

namespace convoy {
namespace {

// Each test has a device, and so an allocator, of its own.
Backend& Cpu() { return GetBackend(DeviceType::kCpu); }

#if defined(__SANITIZE_ADDRESS__)
constexpr bool kCaches = false;
#else
constexpr bool kCaches = true;
#endif

TEST_CASE("memory of every size is aligned to 64 bytes and writable to its end") {
  const Device device = Device::Cpu(11);
  for (const size_t bytes : {0, 1, 63, 64, 65, 1000, 4097, 100000, 3 << 20}) {
    char* pointer = static_cast<char*>(Cpu().Allocate(device, bytes));
    CHECK(reinterpret_cast<uintptr_t>(pointer) % 64 == 0);
    if (bytes > 0) pointer[0] = pointer[bytes - 1] = 1;
    Cpu().Free(device, pointer, bytes);
  }
}

TEST_CASE("a freed block serves the next request of its size") {
  if (!kCaches) return;
  const Device device = Device::Cpu(12);
  void* first = Cpu().Allocate(device, 5000);
  Cpu().Free(device, first, 5000);
  void* second = Cpu().Allocate(device, 5000);
  CHECK(second == first);
  CHECK(Cpu().Stats(device).cache_hits == 1);
  CHECK(Cpu().Stats(device).allocations == 2);
  Cpu().Free(device, second, 5000);
}

TEST_CASE("sizes that keep changing do not pile up in the cache") {
  const Device device = Device::Cpu(18);
  constexpr size_t kMiB = size_t{1} << 20;
  for (size_t bytes = kMiB; bytes < 200 * kMiB; bytes += bytes / 4) {
    Cpu().Free(device, Cpu().Allocate(device, bytes), bytes);
  }
  const MemoryStats stats = Cpu().Stats(device);
  CHECK(stats.current_bytes == 0);
  CHECK(stats.reserved_bytes < 3 * stats.peak_bytes);
}

TEST_CASE("statistics follow what tensors hold") {
  const Device device = Device::Cpu(13);
  const TensorOptions options = {DType::kF32, device};
  const auto current = [&] { return Cpu().Stats(device).current_bytes; };
  CHECK(current() == 0);
  Tensor a = Tensor::Empty({1024}, options);
  CHECK(current() == 4096);
  {
    const Tensor b = Tensor::Empty({2048}, options);
    CHECK(current() == 4096 + 8192);
    const Tensor view = b.View({10}, 5);
    CHECK(current() == 4096 + 8192);
  }
  CHECK(current() == 4096);
  CHECK(Cpu().Stats(device).peak_bytes == 4096 + 8192);
  Cpu().ResetPeak(device);
  CHECK(Cpu().Stats(device).peak_bytes == 4096);
  a = Tensor();
  CHECK(current() == 0);
  Cpu().ReleaseCached(device);
  CHECK(Cpu().Stats(device).reserved_bytes == 0);
}

TEST_CASE("at most a quarter more than wanted is taken") {
  if (!kCaches) return;
  const Device device = Device::Cpu(14);
  for (size_t bytes = 256; bytes < (1u << 20); bytes = bytes * 9 / 8 + 1) {
    void* pointer = Cpu().Allocate(device, bytes);
    const auto taken = static_cast<size_t>(Cpu().Stats(device).current_bytes);
    CHECK(taken >= bytes);
    CHECK(taken <= bytes + bytes / 4);
    Cpu().Free(device, pointer, bytes);
  }
}

TEST_CASE("memory outlives the thread count and is shared between cpu devices") {
  const Tensor a = Tensor::From<float>({3}, {1, 2, 3}, Device::Cpu(15));
  const Tensor b = a.To(Device::Cpu(16));
  CHECK(b.device() == Device::Cpu(16));
  CHECK(b.ToVector<float>() == std::vector<float>{1, 2, 3});
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
TEST_CASE("running out names device, size and use, and loses nothing") {
  const Device device = Device::Cpu(17);
  const TensorOptions options = {DType::kF32, device};
  const Tensor kept = Tensor::Full({1024}, 7, options);
  const MemoryStats before = Cpu().Stats(device);
  CHECK_THROWS_WITH(Tensor::Empty({int64_t{1} << 58}, options),
                    "[Allocate] cpu:17 is out of memory: 1152921504606846976 bytes wanted, 4096 in "
                    "use by tensors. Use a smaller batch or more micro-batches");
  const MemoryStats after = Cpu().Stats(device);
  CHECK(after.current_bytes == before.current_bytes);
  CHECK(after.peak_bytes == before.peak_bytes);
  CHECK(after.reserved_bytes == before.reserved_bytes);
  CHECK(after.allocations == before.allocations);
  CHECK(kept.ToVector<float>() == std::vector<float>(1024, 7));
  CHECK(Tensor::Zeros({8}, options).ToVector<float>() == std::vector<float>(8, 0));
}

TEST_CASE("tensors are freed when the host has no memory left at all") {
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    const Device device = Device::Cpu(19);
    std::vector<Tensor> tensors;
    for (int64_t i = 1; i <= 2000; ++i)
      tensors.push_back(Tensor::Empty({i * 16}, {DType::kF32, device}));
    const rlimit none{.rlim_cur = 1 << 20, .rlim_max = RLIM_INFINITY};
    if (setrlimit(RLIMIT_AS, &none) != 0) _exit(3);
    for (size_t bytes = 1 << 20; bytes >= 16; bytes /= 2) {
      while (std::malloc(bytes) != nullptr) {
      }
    }
    tensors.clear();
    _exit(Cpu().Stats(device).current_bytes == 0 ? 0 : 4);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  REQUIRE(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
}
#endif

TEST_CASE("a size beyond 64 bits is refused, not wrapped around") {
  CHECK_THROWS_WITH(Tensor::Empty({int64_t{1} << 62}, {DType::kF64}),
                    "[Tensor] f64 (4611686018427387904) is larger than any memory");
}

}  // namespace
}  // namespace convoy
