// Who shares a machine in a job of several, and what each worker gets of it.
#include "parallel/placement.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/threads.h"
#include "parallel/neighbours.h"

namespace convoy {
namespace {

/// What other processes would have set, worked out from what this one has.
class OneProcessStore : public Store {
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
  OneProcessStore store([](const std::string& key, const std::string& own) {
    const size_t space = own.rfind(' ');
    const std::string machine = own.substr(0, space), cores = own.substr(space);
    switch (key.back()) {
      case '0':
      case '6':
        return own;
      case '1':
        return machine + cores + "0";
      default:
        return machine + "-other" + cores;
    }
  });
  const Neighbours found = FindNeighbours(store, 3, 7, 1);
  CHECK(found.local_rank == 2);
  CHECK(found.local_size == 4);
  CHECK(found.sharing_cores == 3);
}

TEST_CASE("The workers of a machine share its cores; those of other machines take none") {
  const auto threads = [](int workers, int local, int sharing) {
    return PlaceInJob({.device = "cpu"}, workers,
                      {.local_rank = local - 1, .local_size = local, .sharing_cores = sharing})
        .threads;
  };
  const int cores = AvailableCores();
  CHECK(threads(64, 1, 1) == cores);  // one on each of 64 machines
  CHECK(threads(64, 8, 1) == cores);  // bound to cores of their own
  CHECK(threads(3, 3, 2) == std::max(cores / 2, 1));
  CHECK(threads(1024, 1024, 1024) == std::max(cores / 1024, 1));
  const Placement place = PlaceInJob({.device = "cpu"}, 64, {.local_rank = 2, .local_size = 3});
  CHECK(place.workers == 64);
  CHECK(place.processes);
  CHECK(PlaceInJob({.threads = 3, .device = "cpu"}, 64, {}).threads == 3);
}

TEST_CASE("A count of workers that is not the launcher's is refused") {
  CHECK(PlaceInJob({.workers = 5, .device = "cpu"}, 5, {}).workers == 5);
  CHECK_THROWS_WITH(PlaceInJob({.workers = 5, .device = "cpu"}, 4, {}),
                    Catch::Contains("--workers 5, but the launcher has started 4 processes"));
}

}  // namespace
}  // namespace convoy
