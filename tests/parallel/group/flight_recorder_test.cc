// What workers tell of their last collectives, and what a run that fails leaves in --dump's folder.
#include "parallel/group/flight_recorder.h"

#include <sys/resource.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "parallel/group/collective_call.h"
#include "tests/parallel/dump_folder.h"
#include "tests/parallel/history_cases.h"
#include "tests/parallel/workers.h"

namespace convoy {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

std::string ErrorWithDump(const std::string& dump, const std::function<void(Worker&)>& body) {
  try {
    Launch({.workers = 2, .threads = 1, .device = "cpu", .dump = dump}, body);
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

// Worker 1 throws when the others have started a sum.
struct Fails {
  std::atomic<bool> started{false};

  void operator()(Worker& worker) {
    worker.group().Barrier();
    if (worker.rank() == 1) {
      while (!started) std::this_thread::yield();
      Fail("out of luck");
    }
    const Tensor tensor = Tensor::Zeros({4}, {DType::kF32, worker.device()});
    Work work = worker.group().AllReduce(tensor, ReduceOp::kSum, "bucket 1 (\xff)");
    started = true;
    work.Wait();
  }
};

TEST_CASE("History tells of every call what it was and how far it has come") {
  Launch({.workers = 3, .threads = 1, .device = "cpu"}, CheckHistory);
}

TEST_CASE("History has the last thousand calls") { RunWorkers(2, CheckLongHistory); }

TEST_CASE("A run that fails leaves every worker's history, and says where") {
  const DumpFolder folder;
  Fails fails;
  const std::string error = ErrorWithDump(folder.path(), [&](Worker& worker) {
    const auto alone = worker.group().Split(worker.rank());
    alone->Barrier();
    fails(worker);
  });
  CHECK(error == "[worker 1 of 2] out of luck\n  last collectives of workers 0, 1: " +
                     folder.path() + "/collectives-rank-R.json");
  const Json json = folder.Read(0);
  CHECK(json["rank"] == 0);
  CHECK(json["workers"] == 2);
  CHECK(json["transport"] == "inprocess");
  CHECK(json["error"] == "[worker 1 of 2] out of luck");
  REQUIRE(json["groups"].size() == 2);
  CHECK(json["groups"][0]["workers"] == std::vector<int>{0, 1});
  CHECK(json["groups"][1]["workers"] == std::vector<int>{0});
  const Json& calls = json["groups"][0]["collectives"];
  REQUIRE(calls.size() == 3);
  CHECK(calls[0]["what"] == "Split");
  CHECK(calls[1]["kind"] == "Barrier");
  CHECK(calls[1]["state"] == "done");
  CHECK(calls[1]["ended_unix_s"].is_number());
  CHECK(calls[2]["number"] == 3);
  CHECK(calls[2]["bytes"] == 16);
  CHECK(calls[2]["state"] == "queued");
  CHECK(calls[2].count("started_unix_s") == 0);
  CHECK(folder.Read(1)["groups"][0]["collectives"].size() == 2);
}

TEST_CASE("A run that does not fail leaves nothing") {
  const DumpFolder folder;
  CHECK(ErrorWithDump(folder.path(), [](Worker& worker) { worker.group().Barrier(); }).empty());
  CHECK(fs::is_empty(folder.path()));
}

TEST_CASE("The folder for histories is looked at before the run") {
  const DumpFolder folder;
  bool ran = false;
  const auto body = [&](Worker&) { ran = true; };
  CHECK(ErrorWithDump(folder.path() + "/none", body) ==
        "[Launch] --dump " + folder.path() +
            "/none: No such file or directory; make the folder first");
  CHECK(ErrorWithDump("/dev/null", body) ==
        "[Launch] --dump /dev/null: expected a folder, got a file");
  CHECK(!ran);
}

TEST_CASE("A history that cannot be written does not hide why the run has failed") {
  const DumpFolder folder;
  Fails fails;
  SECTION("the folder is gone") {
    CHECK(ErrorWithDump(folder.path(), [&](Worker& worker) {
            worker.group().Barrier();
            if (worker.rank() == 0) fs::remove_all(folder.path());
            fails(worker);
          }) == "[worker 1 of 2] out of luck");
  }
  SECTION("the disk is full") {
    rlimit before;
    getrlimit(RLIMIT_FSIZE, &before);
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit tiny{.rlim_cur = 100, .rlim_max = before.rlim_max};
    setrlimit(RLIMIT_FSIZE, &tiny);
    const std::string error = ErrorWithDump(folder.path(), std::ref(fails));
    setrlimit(RLIMIT_FSIZE, &before);
    CHECK(error == "[worker 1 of 2] out of luck");
    CHECK(fs::is_empty(folder.path()));
  }
}

// Not a judgement of speed, which would not hold on a busy machine: prints what a call costs.
TEST_CASE("A history costs next to nothing", "[.][cost]") {
  FlightRecorder history;
  CollectiveCall call{.what = "bucket 3 (blocks.0.attention.query.weight, and 12 more)"};
  constexpr int kCalls = 1'000'000;
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < kCalls; ++i) {
    const uint64_t id = history.Add(call);
    history.Started(id);
    history.Done(id);
  }
  const auto took = std::chrono::steady_clock::now() - start;
  const double ns = static_cast<double>(std::chrono::nanoseconds(took).count()) / kCalls;
  WARN(ns << " ns a call");
}

}  // namespace
}  // namespace convoy
