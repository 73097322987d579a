// What workers get when they disagree, when one of them fails, and when one leaves early.
#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <stdexcept>
#include <thread>

#include "tests/parallel/split_cases.h"
#include "tests/parallel/workers.h"

namespace convoy {
namespace {

Tensor Numbers(Worker& worker, int64_t n, DType dtype = DType::kF32) {
  return Tensor::Zeros({n}, {dtype, worker.device()});
}

TEST_CASE("Workers that disagree on a collective all get the same error") {
  std::vector<std::string> messages(3);
  RunWorkers(3, [&](Worker& worker) {
    worker.group().Barrier();
    try {
      worker.group().AllReduce(Numbers(worker, worker.rank() == 2 ? 512 : 1024)).Wait();
    } catch (const Error& error) {
      messages[static_cast<size_t>(worker.rank())] = error.what();
    }
  });
  for (const std::string& message : messages) {
    CHECK(message ==
          "[AllReduce] workers disagree on collective 2: worker 0 f32 (1024), worker 2 f32 (512)");
  }
}

TEST_CASE("The message says what differs: dtype, operation, root, kind") {
  CHECK_THAT(
      ErrorOf(2,
              [](Worker& worker) {
                const DType dtype = worker.rank() == 0 ? DType::kF32 : DType::kF64;
                worker.group().AllReduce(Numbers(worker, 4, dtype)).Wait();
              }),
      Catch::EndsWith("workers disagree on collective 1: worker 0 f32 (4), worker 1 f64 (4)"));
  CHECK_THAT(ErrorOf(2,
                     [](Worker& worker) {
                       const ReduceOp op = worker.rank() == 0 ? ReduceOp::kSum : ReduceOp::kMax;
                       worker.group().AllReduce(Numbers(worker, 4), op).Wait();
                     }),
             Catch::EndsWith("worker 0 sum f32 (4), worker 1 max f32 (4)"));
  CHECK_THAT(ErrorOf(2,
                     [](Worker& worker) {
                       worker.group().Broadcast(Numbers(worker, 4), worker.rank()).Wait();
                     }),
             Catch::EndsWith("worker 0 from worker 0 f32 (4), worker 1 from worker 1 f32 (4)"));
  CHECK_THAT(ErrorOf(2,
                     [](Worker& worker) {
                       if (worker.rank() == 0) worker.group().Barrier();
                       worker.group().AllReduce(Numbers(worker, 4)).Wait();
                     }),
             Catch::EndsWith("[Barrier] workers disagree on collective 1: worker 0 Barrier, "
                             "worker 1 AllReduce f32 (4)"));
  CHECK_THAT(ErrorOf(2,
                     [](Worker& worker) {
                       if (worker.rank() == 0) {
                         worker.group().Send(Numbers(worker, 4), 1).Wait();
                       } else {
                         worker.group().Recv(Numbers(worker, 8), 0).Wait();
                       }
                     }),
             Catch::EndsWith("[Recv] worker 1 expects f32 (8), but worker 0 sends f32 (4)"));
}

// Everybody but worker 1, which throws, waits in `wait`.
void CheckAllStop(const std::function<void(Worker&)>& wait) {
  std::atomic<int> stopped{0};
  const std::string message = ErrorOf(3, [&](Worker& worker) {
    if (worker.rank() == 1) {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));  // the others sleep by now
      throw std::runtime_error("out of luck");
    }
    try {
      wait(worker);
    } catch (const Error& error) {
      Expect(error.what() == std::string("[worker 1 of 3] out of luck"), error.what());
      ++stopped;
      throw;
    }
  });
  CHECK(message == "[worker 1 of 3] out of luck");
  CHECK(stopped == 2);
}

TEST_CASE("A worker that throws stops the others, wherever they wait") {
  SECTION("AllReduce") {
    CheckAllStop([](Worker& worker) { worker.group().AllReduce(Numbers(worker, 1000)).Wait(); });
  }
  SECTION("Barrier") {
    CheckAllStop([](Worker& worker) { worker.group().Barrier(); });
  }
  SECTION("Recv") {
    CheckAllStop([](Worker& worker) { worker.group().Recv(Numbers(worker, 4), 1).Wait(); });
  }
  SECTION("a loop of steps") {
    CheckAllStop([](Worker& worker) {
      while (true) {
        Work work = worker.group().AllReduce(Numbers(worker, 100000));
        while (!work.Done()) std::this_thread::yield();
      }
    });
  }
}

TEST_CASE("Anything thrown is reported") {
  CHECK(ErrorOf(2, [](Worker& worker) {
          if (worker.rank() == 0) throw 42;
          worker.group().Barrier();
        }) == "[worker 0 of 2] an exception that is not a std::exception");
  CHECK(ErrorOf(1, [](Worker&) { throw std::runtime_error("alone"); }) == "[worker 0 of 1] alone");
}

TEST_CASE("Abort reaches every worker; the first reason stays") {
  std::vector<std::string> messages(2);
  RunWorkers(2, [&](Worker& worker) {
    if (worker.rank() == 0) {
      worker.group().Abort("enough");
      worker.group().Abort("more than enough");
    }
    try {
      while (true) worker.group().Barrier();
    } catch (const Error& error) {
      messages[static_cast<size_t>(worker.rank())] = error.what();
    }
  });
  CHECK(messages == std::vector<std::string>{"enough", "enough"});
}

TEST_CASE("Waiting for a worker that has returned is an error") {
  CHECK_THAT(
      ErrorOf(3,
              [](Worker& worker) {
                if (worker.rank() == 2) return;
                worker.group().AllReduce(Numbers(worker, 100)).Wait();
              }),
      Catch::EndsWith("[AllReduce] worker 2 has finished while others wait in AllReduce; all "
                      "workers must make the same calls"));
  CHECK_THAT(ErrorOf(2,
                     [](Worker& worker) {
                       if (worker.rank() == 0) {
                         worker.group().Recv(Numbers(worker, 100), 1).Wait();
                       }
                     }),
             Catch::EndsWith("[Recv] worker 1 has finished while others wait in Recv; all workers "
                             "must make the same calls"));
}

TEST_CASE("A worker that throws stops the others in all groups") {
  CHECK(ErrorOf(4, CheckFailsEverywhere) == "[worker 2 of 4] out of luck");
}

TEST_CASE("What goes wrong in a subgroup is told with the numbers of its workers") {
  const auto odds = [](Worker& worker) { return worker.group().Split(worker.rank() % 2); };
  CHECK_THAT(ErrorOf(4,
                     [&](Worker& worker) {
                       const auto group = odds(worker);
                       group->AllReduce(Numbers(worker, worker.rank() == 3 ? 5 : 4)).Wait();
                     }),
             Catch::EndsWith("[AllReduce] workers disagree on collective 1: worker 1 f32 (4), "
                             "worker 3 f32 (5) (in the group of workers 1, 3)"));
  CHECK_THAT(ErrorOf(4,
                     [&](Worker& worker) {
                       const auto group = odds(worker);
                       group->Broadcast(Numbers(worker, 4), worker.rank() / 3).Wait();
                     }),
             Catch::Contains("worker 1 from worker 1 f32 (4), worker 3 from worker 3 f32 (4)"));
  CHECK_THAT(ErrorOf(4,
                     [&](Worker& worker) {
                       const auto group = odds(worker);
                       if (worker.rank() == 1) group->Recv(Numbers(worker, 4), 1).Wait();
                     }),
             Catch::EndsWith("[Recv] worker 3 has finished while others wait in Recv; all workers "
                             "must make the same calls (in the group of workers 1, 3)"));
}

TEST_CASE("Abort in a subgroup reaches every worker") {
  CHECK(ErrorOf(4, [](Worker& worker) {
          const auto pair = worker.group().Split(worker.rank() / 2);
          if (worker.rank() == 3) pair->Abort("enough");
          worker.group().Barrier();
        }).ends_with("enough"));
}

}  // namespace
}  // namespace convoy
