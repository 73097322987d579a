// Teams of threads and the parallel loop.
#include "core/threads.h"

#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <set>
#include <thread>
#include <vector>

#include "core/base/cores.h"
#include "core/base/error.h"

namespace convoy {
namespace {

// Sets the number of threads for one test.
class Threads {
 public:
  explicit Threads(int n) { SetCpuThreads(n); }
  ~Threads() { SetCpuThreads(0); }
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;
};

// How often each index of [0, n) was visited.
std::vector<int> Visits(int64_t n, int64_t grain) {
  std::vector<std::atomic<int>> visits(static_cast<size_t>(n));
  ParallelFor(Device::Cpu(), n, grain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) ++visits[static_cast<size_t>(i)];
  });
  return {visits.begin(), visits.end()};
}

TEST_CASE("a loop visits each index once, with any number of threads") {
  for (int threads = 1; threads <= 7; ++threads) {
    const Threads set(threads);
    for (const int64_t n : {0, 1, 2, 6, 7, 8, 100, 1000}) {
      for (const int64_t grain : {0, 1, 3, 1000}) {
        INFO(threads << " threads, " << n << " indices, grain " << grain);
        CHECK(Visits(n, grain) == std::vector<int>(static_cast<size_t>(n), 1));
      }
    }
  }
}

TEST_CASE("ranges hold at least a grain, and there are no more of them than threads") {
  const Threads set(3);
  for (const int64_t n : {1, 9, 10, 25, 1000}) {
    std::atomic<int> ranges{0};
    std::atomic<bool> small{false};
    ParallelFor(Device::Cpu(), n, 10, [&](int64_t begin, int64_t end) {
      ++ranges;
      if (end - begin < 10 && end - begin < n) small = true;
    });
    CHECK(ranges == std::clamp<int64_t>(n / 10, 1, 3));
    CHECK_FALSE(small);
  }
}

TEST_CASE("every loop is shared by all threads, also one after another and after a failure") {
  const Threads set(3);
  for (int loop = 0; loop < 4; ++loop) {
    INFO("loop " << loop);
    std::vector<std::thread::id> threads(3);
    ParallelFor(Device::Cpu(), 3, 1, [&](int64_t begin, int64_t) {
      threads[static_cast<size_t>(begin)] = std::this_thread::get_id();
    });
    CHECK(std::set(threads.begin(), threads.end()).size() == 3);
    if (loop == 1) {
      CHECK_THROWS_WITH(ParallelFor(Device::Cpu(), 3, 1, [](int64_t, int64_t) { Fail("wrong"); }),
                        "wrong");
    }
  }
}

TEST_CASE("an exception in a loop reaches the caller, and the team works on") {
  for (const int threads : {1, 2, 4}) {
    const Threads set(threads);
    for (const int64_t bad : {0, 50, 99}) {
      CHECK_THROWS_WITH(ParallelFor(Device::Cpu(), 100, 1,
                                    [&](int64_t begin, int64_t end) {
                                      if (begin <= bad && bad < end) Fail("[Test] index {}", bad);
                                    }),
                        "[Test] index " + std::to_string(bad));
      CHECK(Visits(100, 1) == std::vector<int>(100, 1));
    }
  }
}

TEST_CASE("a loop inside a loop runs too") {
  const Threads set(3);
  std::atomic<int> visits{0};
  ParallelFor(Device::Cpu(), 30, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      ParallelFor(Device::Cpu(), 30, 1, [&](int64_t b, int64_t e) { visits += int(e - b); });
    }
  });
  CHECK(visits == 900);
}

TEST_CASE("several threads may use one device at once") {
  const Threads set(2);
  std::atomic<int> wrong{0};
  std::vector<std::thread> users;
  for (int user = 0; user < 3; ++user) {
    users.emplace_back([&] {
      for (int round = 0; round < 200; ++round) {
        if (Visits(64, 1) != std::vector<int>(64, 1)) ++wrong;
      }
    });
  }
  for (std::thread& user : users) user.join();
  CHECK(wrong == 0);
}

TEST_CASE("devices have teams of their own") {
  const Threads set(2);
  CHECK(CpuTeam(0).size() == 2);
  CHECK(&CpuTeam(0) != &CpuTeam(1));
  CHECK(&CpuTeam(1) == &CpuTeam(1));
}

TEST_CASE("without a choice a team has every available core") {
  SetCpuThreads(0);
  CHECK(AvailableCores() >= 1);
  CHECK(CpuTeam(0).size() == AvailableCores());
}

TEST_CASE("impossible teams are refused") {
  CHECK_THROWS_WITH(SetCpuThreads(-1), "[SetCpuThreads] wants 0 (all cores) or more, got -1");
  CHECK_THROWS_WITH(ThreadTeam(0), "[ThreadTeam] wants at least one thread, got 0");
  CHECK_THROWS_WITH(CpuTeam(-1), "[Device] cpu:-1 does not exist");
}

}  // namespace
}  // namespace convoy
