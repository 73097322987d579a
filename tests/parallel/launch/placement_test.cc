// Who shares a machine in a job of several, and what each worker gets of it.
#include "parallel/launch/placement.h"

#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <functional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "core/base/cores.h"
#include "core/base/error.h"
#include "parallel/launch/neighbours.h"
#include "parallel/store/memory_store.h"

namespace convoy {
namespace {

/// What other processes would have set, worked out from what this one has.
class OneProcessStore : public store::Store {
 public:
  using Others = std::function<std::string(const std::string& key, const std::string& own)>;

  explicit OneProcessStore(Others others) : others_(std::move(others)) {}

  void Set(std::string_view key, std::string_view value) override {
    own_key_ = key;
    own_ = value;
  }
  std::string Get(std::string_view key, double) override {
    return key == own_key_ ? own_ : others_(std::string(key), own_);
  }
  int64_t Add(std::string_view, int64_t) override { Fail("[test] Add was not expected"); }
  void Wait(const std::vector<std::string>&, double) override {
    Fail("[test] Wait was not expected");
  }

 private:
  const Others others_;
  std::string own_key_, own_;
};

TEST_CASE("Neighbours are counted on this machine, and those on the same cores") {
  // Seven processes; this one is rank 3. Ranks 0, 3 and 6 are on its cores, rank 1 has others of
  // the same machine, ranks 2, 4 and 5 are on another one whose cores have the same numbers.
  // Worker 0 has collected what all say.
  OneProcessStore store([](const std::string& key, const std::string& own) {
    CHECK(key == "the machines of all workers");
    const size_t space = own.rfind(' ');
    const std::string machine = own.substr(0, space), cores = own.substr(space);
    const std::string others = machine + cores + "1\n", remote = machine + "-other" + cores + "\n";
    return own + "\n" + others + remote + own + "\n" + remote + remote + own + "\n";
  });
  const launch::Neighbours found = launch::FindNeighbours(store, 3, 7, 1);
  CHECK(found.local_rank == 2);
  CHECK(found.local_size == 4);
  CHECK(found.sharing_cores == 3);
}

TEST_CASE("Worker 0 asks once for each worker, the others ask once") {
  constexpr int kWorkers = 5;
  class CountingStore final : public store::Store {
   public:
    void Set(std::string_view key, std::string_view value) override { store_.Set(key, value); }
    std::string Get(std::string_view key, double timeout_s) override {
      ++gets_;
      return store_.Get(key, timeout_s);
    }
    int64_t Add(std::string_view key, int64_t amount) override { return store_.Add(key, amount); }
    void Wait(const std::vector<std::string>& keys, double timeout_s) override {
      store_.Wait(keys, timeout_s);
    }
    int gets() const { return gets_; }

   private:
    store::MemoryStore store_;
    std::atomic<int> gets_{0};
  };
  CountingStore store;
  std::vector<launch::Neighbours> found(kWorkers);
  std::vector<std::thread> threads;
  for (int rank = 0; rank < kWorkers; ++rank) {
    threads.emplace_back([&, rank] {
      found[static_cast<size_t>(rank)] = launch::FindNeighbours(store, rank, kWorkers, 60);
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(store.gets() == kWorkers + (kWorkers - 1));
  for (int rank = 0; rank < kWorkers; ++rank) {
    CHECK(found[static_cast<size_t>(rank)].local_rank == rank);
    CHECK(found[static_cast<size_t>(rank)].local_size == kWorkers);
    CHECK(found[static_cast<size_t>(rank)].cores == AvailableCores());
  }
}

TEST_CASE("The workers of a machine share its cores; those of other machines take none") {
  const auto threads = [](int workers, int local, int sharing) {
    return launch::PlaceInJob(
               {.device = "cpu"}, workers,
               {.local_rank = local - 1, .local_size = local, .sharing_cores = sharing})
        .threads;
  };
  const int cores = AvailableCores();
  CHECK(threads(64, 1, 1) == cores);  // one on each of 64 machines
  CHECK(threads(64, 8, 1) == cores);  // bound to cores of their own
  CHECK(threads(3, 3, 2) == std::max(cores / 2, 1));
  CHECK(threads(1024, 1024, 1024) == std::max(cores / 1024, 1));
  const launch::Placement place =
      launch::PlaceInJob({.device = "cpu"}, 64, {.local_rank = 2, .local_size = 3});
  CHECK(place.workers == 64);
  CHECK(place.processes);
  CHECK(launch::PlaceInJob({.threads = 3, .device = "cpu"}, 64, {}).threads == 3);
}

TEST_CASE("A count of workers that is not the launcher's is refused") {
  CHECK(launch::PlaceInJob({.workers = 5, .device = "cpu"}, 5, {}).workers == 5);
  CHECK_THROWS_WITH(launch::PlaceInJob({.workers = 5, .device = "cpu"}, 4, {}),
                    Catch::Contains("--workers 5, but the launcher has started 4 processes"));
}

}  // namespace
}  // namespace convoy
