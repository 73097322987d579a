// Kernels on the simulated device: barriers, warp exchanges, atomics, and what happens to misuse.
#include "core/cuda/kernel.h"

#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cmath>
#include <csignal>
#include <functional>
#include <string>
#include <vector>

#include "tests/sim/block.h"

namespace convoy {
namespace {

void Run(dim3 grid, dim3 block, size_t shared_bytes, const std::function<void()>& kernel,
         uint64_t seed = 1) {
  sim::RunGrid(grid, block, shared_bytes, seed, kernel);
}

// What a process that runs the kernel writes before it aborts; empty if it does not.
std::string AbortMessage(dim3 block, const std::function<void()>& kernel) {
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  const pid_t child = fork();
  if (child == 0) {
    std::signal(SIGABRT, SIG_DFL);  // not Catch2's
    dup2(ends[1], STDERR_FILENO);
    Run(1, block, 0, kernel);
    _exit(0);
  }
  close(ends[1]);
  std::string text;
  char buffer[512];
  for (ssize_t n; (n = read(ends[0], buffer, sizeof(buffer))) > 0;) {
    text.append(buffer, static_cast<size_t>(n));
  }
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT ? text : "";
}

TEST_CASE("Every thread of every block runs once") {
  const dim3 grid(3, 2, 2), block(4, 3, 5);
  std::vector<int> seen(size_t{grid.x} * grid.y * grid.z * block.x * block.y * block.z);
  for (uint64_t seed = 0; seed < 8; ++seed) {
    Run(
        grid, block, 0,
        [&] {
          const unsigned at = (blockIdx.z * gridDim.y + blockIdx.y) * gridDim.x + blockIdx.x;
          const unsigned thread =
              (threadIdx.z * blockDim.y + threadIdx.y) * blockDim.x + threadIdx.x;
          ++seen[at * blockDim.x * blockDim.y * blockDim.z + thread];
        },
        seed);
  }
  for (const int times : seen) REQUIRE(times == 8);
}

TEST_CASE("Shared memory: what was written before a barrier is read after it") {
  constexpr unsigned kThreads = 96;
  std::vector<float> out(kThreads * 2);
  for (uint64_t seed = 0; seed < 16; ++seed) {
    Run(
        2, kThreads, kThreads * sizeof(float),
        [&] {
          auto* shared = cuda::DynamicShared<float>();
          for (int round = 0; round < 5; ++round) {
            shared[threadIdx.x] = static_cast<float>(threadIdx.x) + 100.0f * round;
            __syncthreads();
            const float value = shared[(threadIdx.x + 40) % kThreads];
            __syncthreads();
            out[blockIdx.x * kThreads + threadIdx.x] = value;
          }
        },
        seed);
    for (unsigned i = 0; i < out.size(); ++i) {
      REQUIRE(out[i] == static_cast<float>((i % kThreads + 40) % kThreads) + 400.0f);
    }
  }
}

TEST_CASE("Shared memory is NaN until it is written") {
  bool all = true;
  Run(3, 32, 32 * sizeof(float), [&] {
    auto* shared = cuda::DynamicShared<float>();
    all = all && std::isnan(shared[threadIdx.x]);
    shared[threadIdx.x] = 1;
  });
  CHECK(all);
}

TEST_CASE("A missing barrier is a wrong answer") {
  int wrong = 0;
  for (uint64_t seed = 0; seed < 4; ++seed) {
    Run(
        1, 64, 64 * sizeof(float),
        [&] {
          auto* shared = cuda::DynamicShared<float>();
          shared[threadIdx.x] = 1;
          wrong += shared[(threadIdx.x + 1) % 64] != 1;  // __syncthreads() belongs before this
        },
        seed);
  }
  CHECK(wrong > 0);
}

TEST_CASE("Shuffles, ballots and counts") {
  std::vector<int> down(64), up(64), any(64), part(64), counted(64);
  std::vector<double> sum(64);
  std::vector<unsigned> ballot(64);
  Run(1, 64, 0, [&] {
    const unsigned i = threadIdx.x;
    const unsigned lane = i % 32;
    down[i] = __shfl_down_sync(0xffffffffu, static_cast<int>(i), 3);
    up[i] = __shfl_up_sync(0xffffffffu, static_cast<int>(i), 3);
    ballot[i] = __ballot_sync(0xffffffffu, lane % 3 == 0);
    any[i] = __any_sync(0xffffffffu, i == 40);
    sum[i] = cuda::WarpSum(static_cast<double>(i));
    // The halves of a warp at exchanges of their own, as many as they like.
    const unsigned half = lane < 16 ? 0x0000ffffu : 0xffff0000u;
    int value = static_cast<int>(lane);
    for (unsigned round = 0; round < (lane < 16 ? 3u : 5u); ++round) {
      value = __shfl_sync(half, value, lane < 16 ? 5 : 21);
    }
    part[i] = value;
    counted[i] = __syncthreads_count(i < 10);
  });
  for (int i = 0; i < 64; ++i) {
    const auto at = static_cast<size_t>(i);
    const int lane = i % 32;
    REQUIRE(down[at] == (lane + 3 < 32 ? i + 3 : i));
    REQUIRE(up[at] == (lane >= 3 ? i - 3 : i));
    REQUIRE(ballot[at] == 0x49249249u);
    REQUIRE(any[at] == (i >= 32));
    REQUIRE(sum[at] == (i < 32 ? 496 : 1520));
    REQUIRE(part[at] == (lane < 16 ? 5 : 21));
    REQUIRE(counted[at] == 10);
  }
}

TEST_CASE("BlockSum may be called again and again") {
  std::vector<float> out(256);
  Run(1, 256, 33 * sizeof(float), [&] {
    auto* shared = cuda::DynamicShared<float>();
    float value = 1;
    for (int i = 0; i < 3; ++i) value = cuda::BlockSum(value, shared) / 128;
    out[threadIdx.x] = value;
  });
  for (const float value : out) REQUIRE(value == 8);
}

TEST_CASE("A thread that has ended is not waited for at barriers") {
  int after = 0;
  Run(2, 64, 0, [&] {
    if (threadIdx.x >= 40) return;
    __syncthreads();
    ++after;
  });
  CHECK(after == 80);
}

TEST_CASE("Atomics") {
  int sum = 0, most = 0;
  unsigned bits = 0;
  Run(4, 64, 0, [&] {
    atomicAdd(&sum, 1);
    atomicMax(&most, static_cast<int>(threadIdx.x));
    atomicOr(&bits, 1u << blockIdx.x);
  });
  CHECK(sum == 256);
  CHECK(most == 63);
  CHECK(bits == 15);
}

TEST_CASE("Misuse aborts and says where") {
  CHECK_THAT(AbortMessage(64, [] { __syncthreads(); }), Catch::Equals(""));
  // A barrier that one half waits at while the other waits for it at an exchange.
  CHECK_THAT(AbortMessage(64,
                          [] {
                            if (threadIdx.x == 3) {
                              __syncwarp();
                            } else {
                              __syncthreads();
                            }
                          }),
             Catch::Contains("waits at a barrier or warp exchange that the others do not reach"));
  // Lanes that have ended are in the mask.
  CHECK_THAT(AbortMessage(32,
                          [] {
                            if (threadIdx.x < 16) __shfl_sync(0xffffffffu, 1, 0);
                          }),
             Catch::Contains("waits at a barrier or warp exchange that the others do not reach"));
  // Lanes that are together, with masks that differ.
  CHECK_THAT(AbortMessage(32, [] { __syncwarp(threadIdx.x < 15 ? 0x0000ffffu : 0xffffffffu); }),
             Catch::Contains("waits at a barrier or warp exchange that the others do not reach"));
  CHECK_THAT(AbortMessage(32, [] { __syncwarp(0x0000fffeu); }),
             Catch::Contains("calls a warp function with a mask that leaves itself out"));
}

}  // namespace
}  // namespace convoy
