// What workers on GPUs get when one of them is missing, throws or leaves early.
#include <fmt/format.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "parallel/data_parallel.h"
#include "parallel/transport/transport.h"
#include "tests/gpu.h"
#include "tests/parallel/split_cases.h"
#include "tests/parallel/transport/nccl/gpu_workers.h"
#include "tests/parallel/workers.h"

#if defined(CONVOY_SIM)
#include "tests/sim/control.h"
#endif

namespace convoy {
namespace {

using Catch::Contains;

double SecondsOf(const std::function<void()>& body) {
  const auto start = std::chrono::steady_clock::now();
  body();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// Sets a flag when it goes.
struct AtEnd {
  std::atomic<bool>& flag;
  ~AtEnd() { flag = true; }
};

Tensor Numbers(Worker& worker, int64_t n) {
  return Tensor::Zeros({n}, {DType::kF32, worker.device()});
}

TEST_CASE("NCCL: a worker that does not come to a collective is named, with what it did last") {
  CONVOY_NEED_GPUS(3);
  std::string message;
  const double seconds = SecondsOf([&] {
    std::atomic<bool> over{false};
    message = GpuErrorOf(
        3,
        [&](Worker& worker) {
          worker.group().AllReduce(Numbers(worker, 16), ReduceOp::kSum, "bucket 0 (fc2.bias)");
          if (worker.rank() == 1) {
            while (!over) std::this_thread::sleep_for(std::chrono::milliseconds(1));
            return;
          }
          const Tensor more = Numbers(worker, 4096);
          worker.group().AllReduce(more, ReduceOp::kSum, "bucket 1 (fc1.weight)").Wait();
          const AtEnd at_end{over};
          more.ToVector<float>();  // a host wait ends with the error
        },
        {.timeout_s = 1});
  });
  CHECK_THAT(
      message,
      Contains(" of 3] [NCCL] collective 2, bucket 1 (fc1.weight), AllReduce of f32 4096 "
               "(16.0 KiB), has not ended within 1.") &&
          Contains(": worker 1 is missing; worker 1 was last seen in 1, bucket 0 (fc2.bias), "
                   "AllReduce of f32 16"));
  CHECK(seconds < 20);
}

TEST_CASE("NCCL: workers that do not join are named") {
  CONVOY_NEED_GPUS(4);
  const auto run = std::make_shared<status::RunStatus>(status::StatusPage::Make(4));
  const transport::Transport::Join join =
      transport::FindTransport("nccl", DeviceType::kCuda, transport::WorkerLayout::kThreads)
          .Open({.run = run, .timeout_s = 1});
  std::vector<std::thread> threads;
  std::vector<std::string> messages(2);
  for (const int rank : {0, 2}) {
    threads.emplace_back([&, rank] {
      try {
        join(rank, Device::Cuda(rank));
      } catch (const Error& error) {
        messages[static_cast<size_t>(rank / 2)] = error.what();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const std::string& message : messages) {
    CHECK_THAT(message, Contains(" of 4] [NCCL] workers 1, 3 have not joined within 1.") &&
                            Contains(" s; workers 0, 2 have"));
  }
}

TEST_CASE("NCCL: a worker that throws stops the others, wherever they wait") {
  CONVOY_NEED_GPUS(3);
  const std::function<void(Worker&)> waits[] = {
      [](Worker& worker) { worker.group().Barrier(); },
      [](Worker& worker) {
        const Tensor numbers = Numbers(worker, 1000);
        worker.group().AllReduce(numbers).Wait();
        numbers.ToVector<float>();
      },
      [](Worker& worker) {
        const Tensor numbers = Numbers(worker, 1000);
        worker.group().Recv(numbers, 1).Wait();
        numbers.ToVector<float>();
      },
      [](Worker& worker) {
        while (true) worker.group().AllReduce(Numbers(worker, 100000)).Wait();
      },
  };
  for (const auto& wait : waits) {
    std::atomic<int> stopped{0};
    const std::string message = GpuErrorOf(3, [&](Worker& worker) {
      if (worker.rank() == 1) {
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
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
}

TEST_CASE("NCCL: waiting for a worker that has returned is an error, long before the deadline") {
  CONVOY_NEED_GPUS(2);
  CHECK_THAT(
      GpuErrorOf(2,
                 [](Worker& worker) {
                   if (worker.rank() == 0) worker.group().Barrier();
                 }),
      Contains("[NCCL] worker 1 has finished while others wait in collective 1, Barrier; all "
               "workers must make the same calls"));
}

TEST_CASE("NCCL: workers with different parameters are told which one differs first") {
  CONVOY_NEED_GPUS(2);
  CHECK_THAT(GpuErrorOf(2,
                        [](Worker& worker) {
                          Tensor weight = Numbers(worker, worker.is_main() ? 6 : 8);
                          weight.SetRequiresGrad();
                          DataParallel net(worker, {{"fc1.weight", weight}});
                        }),
             Contains("[DataParallel] workers disagree on parameter 'fc1.weight': worker 0 has (6) "
                      "f32, worker 1 has (8) f32"));
}

TEST_CASE("NCCL: a replayed step has the deadline of a collective") {
  CONVOY_NEED_GPUS(2);
  std::atomic<bool> over{false};
  const std::string message = GpuErrorOf(
      2,
      [&](Worker& worker) {
        const Tensor numbers = Numbers(worker, 1000);
        Backend& backend = GetBackend(DeviceType::kCuda);
        const auto step = backend.Record(
            worker.device(), [&] { worker.group().AllReduce(numbers, ReduceOp::kSum).Wait(); });
        for (int i = 0; i < 3; ++i) {
          step->Replay();
          worker.group().Watch(fmt::format("step {}", i));
        }
        worker.group().Barrier();
        if (worker.rank() == 1) {
          while (!over) std::this_thread::sleep_for(std::chrono::milliseconds(1));
          return;
        }
        const AtEnd at_end{over};
        step->Replay();
        worker.group().Watch("step 3");
        numbers.ToVector<float>();
      },
      {.timeout_s = 1});
  CHECK_THAT(message, Contains("Replay step 3, has not ended within 1.") &&
                          Contains("worker 1 is missing; worker 1 was last seen in 5, Barrier"));
}

TEST_CASE("NCCL: a worker that throws stops the others in all groups") {
  CONVOY_NEED_GPUS(4);
  CHECK(GpuErrorOf(4, CheckFailsEverywhere) == "[worker 2 of 4] out of luck");
}

TEST_CASE("NCCL: a collective of a subgroup that does not end names its workers") {
  CONVOY_NEED_GPUS(4);
  std::atomic<bool> over{false};
  const std::string message =
      GpuErrorOf(4,
                 [&](Worker& worker) {
                   const auto group = worker.group().Split(worker.rank() % 2);
                   group->Barrier();
                   if (worker.rank() != 1) {
                     while (!over) std::this_thread::sleep_for(std::chrono::milliseconds(1));
                     return;
                   }
                   const AtEnd at_end{over};
                   group->Barrier();
                 },
                 {.timeout_s = 0.5});
  CHECK_THAT(
      message,
      Contains("[worker 1 of 4] [NCCL] collective 2 of the group of workers 1, 3, Barrier, "
               "has not ended within 0.") &&
          Contains("; worker 3 has started collective 2, Split, AllGather of u8 128 (0.1 KiB), ") &&
          Contains(" s ago; collective 1 of the group of workers 1, 3, Barrier, "));
}

#if defined(CONVOY_SIM)
TEST_CASE("NCCL: memory that one worker cannot register is registered by none") {
  CONVOY_NEED_GPUS(2);
  for (const bool fails : {false, true}) {
    if (fails) sim::FailCall("ncclCommRegister", 1, 2);  // ncclSystemError, for one of both
    RunGpuWorkers(2, [](Worker& worker) {
      const Tensor numbers = Tensor::Full({1000}, 1, {DType::kF32, worker.device()});
      worker.group().Register(numbers);
      worker.group().Register(numbers.View({10}, 500));  // part of it
      worker.group().AllReduce(numbers).Wait();          // the fake compares what the workers pass
      ExpectEqual(numbers.ToVector<float>(), std::vector<float>(1000, 2), "sum");
    });
    sim::Reset();
  }
}

TEST_CASE("NCCL: errors that the library reports end the run with its words") {
  CONVOY_NEED_GPUS(2);
  const auto body = [](Worker& worker) {
    worker.group().Barrier();
    sim::FailCall("ncclCommGetAsyncError", 1, 6);  // ncclRemoteError
    for (int i = 0; i < 2000; ++i) {
      worker.group().Barrier();
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  };
  CHECK_THAT(
      GpuErrorOf(2, body),
      Contains("[NCCL] nccl") && Contains("remote process exited or there was a network error"));
  sim::Reset();
}
#endif

TEST_CASE("Nothing is left in shared memory") {
  for (const auto& entry : std::filesystem::directory_iterator("/dev/shm")) {
    CHECK_THAT(entry.path().filename().string(), !Contains("convoy") && !Contains("sim-nccl"));
  }
}

}  // namespace
}  // namespace convoy
