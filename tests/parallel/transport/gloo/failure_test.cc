// What workers connected by Gloo get when one of them is missing, differs, throws or leaves early.
#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "parallel/status/status_page.h"
#include "parallel/store/memory_store.h"
#include "parallel/transport/gloo/gloo_group.h"
#include "tests/parallel/dump_folder.h"
#include "tests/parallel/split_cases.h"
#include "tests/parallel/transport/gloo/gloo_workers.h"
#include "tests/parallel/workers.h"

// Gloo does not free what it has looked up of an address that it cannot use.
extern "C" const char* __lsan_default_suppressions();  // NOLINT: LeakSanitizer's name
extern "C" const char* __lsan_default_suppressions() {
  return "leak:gloo::transport::tcp::CreateDeviceAttr";
}

namespace convoy {
namespace {

using Catch::Contains;

// Also what the workers have to connect in, on a machine that may be busy.
constexpr double kDeadlineS = 3;

Tensor Numbers(Worker& worker, int64_t n) {
  return Tensor::Zeros({n}, {DType::kF32, worker.device()});
}

TEST_CASE("Gloo: a worker that does not come to a collective is named, with what it did last") {
  std::atomic<bool> over{false};
  const std::string message = GlooErrorOf(
      3,
      [&](Worker& worker) {
        worker.group().AllReduce(Numbers(worker, 16), ReduceOp::kSum, "bucket 0 (fc2.bias)").Wait();
        if (worker.rank() == 1) {
          while (!over) std::this_thread::sleep_for(std::chrono::milliseconds(1));
          return;
        }
        try {
          worker.group()
              .AllReduce(Numbers(worker, 4096), ReduceOp::kSum, "bucket 1 (fc1.weight)")
              .Wait();
        } catch (...) {
          over = true;
          throw;
        }
      },
      kDeadlineS);
  CHECK_THAT(message,
             Contains(" of 3] [Gloo] collective 2, bucket 1 (fc1.weight), AllReduce of f32 "
                      "4096 (16.0 KiB), has not ended within 3.") &&
                 Contains(": worker 1 is missing; worker 1 was last seen in 1, bucket 0 "
                          "(fc2.bias), AllReduce of f32 16"));
}

TEST_CASE("Gloo: a message that nobody answers is named") {
  std::atomic<bool> over{false};
  const std::string message = GlooErrorOf(
      2,
      [&](Worker& worker) {
        if (worker.rank() == 0) {
          while (!over) std::this_thread::sleep_for(std::chrono::milliseconds(1));
          return;
        }
        try {
          worker.group().Recv(Numbers(worker, 8), 0).Wait();
        } catch (...) {
          over = true;
          throw;
        }
      },
      kDeadlineS);
  CHECK_THAT(message, Contains("[worker 1 of 2] [Gloo] Recv of f32 8 (0.0 KiB) with worker 0 has "
                               "not ended within 3."));
}

TEST_CASE("Gloo: workers that disagree on a collective get an error that says so") {
  std::vector<std::string> messages(3);
  const std::string failure = GlooErrorOf(3, [&](Worker& worker) {
    const int64_t n = worker.rank() == 2 ? 512 : 1024;
    try {
      worker.group().Barrier();
      worker.group().AllReduce(Numbers(worker, n)).Wait();
      worker.group().Barrier();
    } catch (const Error& error) {
      messages[static_cast<size_t>(worker.rank())] = error.what();
      throw;
    }
  });
  for (const std::string& message : messages) {
    CHECK(message == failure);
    CHECK_THAT(message, Contains("[AllReduce] workers disagree on collective 2: worker ") &&
                            Catch::EndsWith("f32 (1024), worker 2 f32 (512)"));
  }
}

TEST_CASE("Gloo: a worker that throws stops the others, wherever they wait") {
  const std::function<void(Worker&)> waits[] = {
      [](Worker& worker) { worker.group().Barrier(); },
      [](Worker& worker) { worker.group().AllReduce(Numbers(worker, 1000000)).Wait(); },
      [](Worker& worker) { worker.group().Recv(Numbers(worker, 4), 1).Wait(); },
      [](Worker& worker) {
        while (true) {
          Work work = worker.group().AllReduce(Numbers(worker, 100));
          while (!work.Done()) std::this_thread::yield();
        }
      }};
  for (const auto& wait : waits) {
    CHECK(GlooErrorOf(3, [&](Worker& worker) {
            if (worker.rank() != 1) return wait(worker);
            std::this_thread::sleep_for(std::chrono::milliseconds(20));  // the others sleep by now
            throw std::runtime_error("out of luck");
          }) == "[worker 1 of 3] out of luck");
  }
}

TEST_CASE("Gloo: waiting for a worker that has returned is an error") {
  CHECK_THAT(GlooErrorOf(3,
                         [](Worker& worker) {
                           if (worker.rank() == 2) return;
                           worker.group().AllReduce(Numbers(worker, 100)).Wait();
                         }),
             Contains("[Gloo] worker 2 has finished while others wait in collective 1, AllReduce "
                      "of f32 100 (0.4 KiB); all workers must make the same calls"));
}

TEST_CASE("Gloo: workers that do not join are named") {
  const std::shared_ptr<status::StatusPage> page = status::StatusPage::Make(3);
  const auto store = std::make_shared<store::MemoryStore>();
  std::string message;
  try {
    transport::GlooGroup(
        {.page = page, .rank = 1, .device = Device::Cpu(0), .timeout_s = kDeadlineS}, store,
        {"127.0.0.1", "sesame"});
  } catch (const Error& error) {
    message = error.what();
  }
  CHECK_THAT(message, Contains("[worker 1 of 3] [Gloo] workers 0, 2 have not joined within 3.") &&
                          Catch::EndsWith(" s; worker 1 has"));
}

TEST_CASE("Gloo: a worker that throws stops the others in all groups") {
  CHECK(GlooErrorOf(4, CheckFailsEverywhere) == "[worker 2 of 4] out of luck");
}

TEST_CASE("Gloo: a collective of a subgroup that does not end names its workers") {
  std::atomic<bool> over{false};
  const std::string message = GlooErrorOf(
      4,
      [&](Worker& worker) {
        const auto group = worker.group().Split(worker.rank() % 2);
        group->Barrier();
        if (worker.rank() != 1) {
          while (!over) std::this_thread::sleep_for(std::chrono::milliseconds(1));
          return;
        }
        try {
          group->Barrier();
        } catch (...) {
          over = true;
          throw;
        }
      },
      kDeadlineS);
  CHECK_THAT(message,
             Contains("[worker 1 of 4] [Gloo] collective 2 of the group of workers 1, 3, Barrier, "
                      "has not ended within 3.") &&
                 Contains("; worker 3 has started collective 1, Split, AllGather of i32 1 (0.0 "
                          "KiB), ") &&
                 Contains(" s ago; collective 1 of the group of workers 1, 3, Barrier, "));
}

TEST_CASE("Gloo: waiting in a subgroup for a worker that has returned is an error") {
  CHECK_THAT(GlooErrorOf(3,
                         [](Worker& worker) {
                           const auto group = worker.group().Split(worker.rank() == 1 ? -1 : 0);
                           if (group == nullptr) return;
                           group->Barrier();
                           if (worker.rank() == 2) return;
                           group->AllReduce(Numbers(worker, 100)).Wait();
                         }),
             Contains("[worker 0 of 3] [Gloo] worker 2 has finished while others wait in "
                      "collective 2 of the group of workers 0, 2, AllReduce of f32 100 (0.4 KiB); "
                      "all workers must make the same calls"));
}

TEST_CASE("Gloo: a worker of a subgroup may return as soon as its own part is done") {
  CHECK(GlooErrorOf(3, [](Worker& worker) {
          const auto group = worker.group().Split(0);
          if (worker.rank() == 2) std::this_thread::sleep_for(std::chrono::milliseconds(300));
          for (int i = 0; i < 3; ++i) group->Broadcast(Numbers(worker, 100), 0).Wait();
        }).empty());
}

TEST_CASE("Gloo: workers of a subgroup whose calls differ do not get each other's data") {
  CHECK_THAT(GlooErrorOf(
                 4,
                 [](Worker& worker) {
                   const auto group = worker.group().Split(worker.rank() % 2);
                   group->AllReduce(Numbers(worker, worker.rank() == 3 ? 5 : 4)).Wait();
                   group->Barrier();
                 },
                 kDeadlineS),
             Contains(" of the group of workers 1, 3, AllReduce of f32 ") &&
                 Contains(" has not ended within 3."));
}

TEST_CASE("Gloo: the histories of a run that fails show who is where") {
  const DumpFolder folder;
  std::atomic<bool> over{false};
  const std::string error = GlooErrorOf(
      2,
      [&](Worker& worker) {
        worker.group().Barrier();
        if (worker.rank() == 1) {
          while (!over) std::this_thread::sleep_for(std::chrono::milliseconds(1));
          worker.group().Barrier();  // too late
        }
        Work last;
        for (int i = 0; i < 3; ++i) last = worker.group().AllReduce(Numbers(worker, 100000));
        try {
          last.Wait();
        } catch (...) {
          over = true;
          throw;
        }
      },
      kDeadlineS, folder.path());
  const nlohmann::json missing = folder.Read(1)["groups"][0]["collectives"];
  const nlohmann::json waited = folder.Read(0)["groups"][0]["collectives"];
  REQUIRE(missing.size() == 2);
  CHECK(missing[0]["state"] == "done");
  CHECK(missing[1]["state"] == "failed");
  REQUIRE(waited.size() == 4);
  CHECK(waited[0]["state"] == "done");
  CHECK(waited[1]["state"] != "done");  // it ran, and may have failed by now
  CHECK(waited[1]["started_unix_s"].is_number());
  CHECK(waited[1]["bytes"] == 400000);
  CHECK(waited[2]["state"] == "queued");
  CHECK(waited[3]["state"] == "queued");
  CHECK(error == folder.Read(0)["error"].get<std::string>() +
                     "\n  last collectives of workers 0, 1: " + folder.path() +
                     "/collectives-rank-R.json");
}

}  // namespace
}  // namespace convoy
