// Every collective of NCCL's transport against a plain reference; what is refused.
#include <atomic>
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "tests/gpu.h"
#include "tests/parallel/collective_cases.h"
#include "tests/parallel/history_cases.h"
#include "tests/parallel/split_cases.h"
#include "tests/parallel/transport/nccl/gpu_workers.h"

namespace convoy {
namespace {

TEST_CASE("NCCL: reductions equal the sum over the ranks") {
  const int workers = GENERATE(1, 2, 3, 4, 8);
  CONVOY_NEED_GPUS(workers);
  RunGpuWorkers(workers, CheckReductions);
}

TEST_CASE("NCCL: Broadcast, AllGather and AllToAll move every dtype") {
  const int workers = GENERATE(1, 2, 3, 4, 8);
  CONVOY_NEED_GPUS(workers);
  RunGpuWorkers(workers, CheckAllMoves);
}

TEST_CASE("NCCL: tensors of 64 MiB") {
  const int workers = GENERATE(2, 3);
  CONVOY_NEED_GPUS(workers);
  RunGpuWorkers(workers, CheckLarge);
}

TEST_CASE("NCCL: many collectives may be under way at once") {
  const int workers = GENERATE(1, 4);
  CONVOY_NEED_GPUS(workers);
  RunGpuWorkers(workers, CheckManyAtOnce);
}

TEST_CASE("NCCL: Done becomes true for workers that only ask") {
  const int workers = GENERATE(1, 3);
  CONVOY_NEED_GPUS(workers);
  RunGpuWorkers(workers, CheckDone);
}

TEST_CASE("NCCL: Barrier lets nobody pass before everybody has come") {
  CONVOY_NEED_GPUS(4);
  std::atomic<int> arrived{0};
  RunGpuWorkers(4, [&](Worker& worker) { CheckBarrier(worker, arrived); });
}

TEST_CASE("NCCL: messages that go together find each other by worker and tag") {
  const int workers = GENERATE(1, 2, 3);
  CONVOY_NEED_GPUS(workers);
  RunGpuWorkers(workers, [](Worker& worker) {
    const int size = worker.world_size();
    const int next = (worker.rank() + 1) % size;
    const int previous = (worker.rank() + size - 1) % size;
    const TensorOptions options{DType::kI32, worker.device()};
    std::vector<Tensor> received(20);
    std::vector<Work> works;
    for (int32_t i = 0; i < 20; ++i) {
      works.push_back(worker.group().Send(Tensor::Full({40000}, worker.rank() * 100 + i, options),
                                          next, i % 2));
    }
    for (const int tag : {1, 0}) {  // not the order of sending
      for (int32_t i = tag; i < 20; i += 2) {
        received[static_cast<size_t>(i)] = Tensor::Zeros({40000}, options);
        works.push_back(worker.group().Recv(received[static_cast<size_t>(i)], previous, tag));
      }
    }
    for (Work& work : works) work.Wait();
    for (int32_t i = 0; i < 20; ++i) {
      const auto values = received[static_cast<size_t>(i)].ToVector<int32_t>();
      ExpectEqual(values, std::vector<int32_t>(40000, previous * 100 + i), "message in order");
    }
  });
}

TEST_CASE("NCCL: Split makes a group of the workers that give one color") {
  const int workers = GENERATE(1, 2, 3, 7);
  CONVOY_NEED_GPUS(workers);
  RunGpuWorkers(workers, CheckSplit);
}

TEST_CASE("NCCL: rows and columns of a grid compute at the same time") {
  CONVOY_NEED_GPUS(4);
  RunGpuWorkers(4, CheckGrid);
}

TEST_CASE("NCCL: tensors may be dropped while they are summed") {
  CONVOY_NEED_GPUS(2);
  RunGpuWorkers(2, [](Worker& worker) {
    for (int i = 0; i < 20; ++i) {
      worker.group().AllReduce(Filled(worker, DType::kF32, 100000));
      // Takes the freed memory, if it was free too early.
      Tensor::Full({100000}, 1e30, {DType::kF32, worker.device()});
    }
    CheckAllReduce(worker, DType::kF32, ReduceOp::kSum, 100000);
  });
}

TEST_CASE("NCCL: arguments that cannot be right are refused") {
  CONVOY_NEED_GPUS(2);
  const auto check = [](const std::function<void(Worker&)>& body, const std::string& message) {
    CHECK_THAT(GpuErrorOf(2, body), Catch::EndsWith(message));
  };
  CHECK_THAT(GpuErrorOf(2, [](Worker& worker) { worker.group().AllReduce(Tensor::Zeros({3})); }),
             Catch::Contains("'s transport wants tensors on cuda:") &&
                 Catch::EndsWith(", got one on cpu:0"));
  check(
      [](Worker& worker) {
        worker.group().AllReduce(Tensor::Zeros({3}, {DType::kBool, worker.device()}));
      },
      "[AllReduce] wants numbers, got bool; cast to u8 and take the maximum or minimum");
  check(
      [](Worker& worker) {
        worker.group().Broadcast(Tensor::Zeros({3}, {DType::kF32, worker.device()}), 2);
      },
      "[Broadcast] root 2 is not one of the 2 workers");
}

TEST_CASE("NCCL: workers that disagree on a collective get an error that says so") {
  CONVOY_NEED_GPUS(3);
  std::vector<std::string> messages(3);
  const std::string failure = GpuErrorOf(3, [&](Worker& worker) {
    const int64_t n = worker.rank() == 2 ? 512 : 1024;
    try {
      worker.group().Barrier();
      worker.group().AllReduce(Tensor::Zeros({n}, {DType::kF32, worker.device()})).Wait();
      worker.group().Barrier();
    } catch (const Error& error) {
      messages[static_cast<size_t>(worker.rank())] = error.what();
      throw;
    }
  });
  for (const std::string& message : messages) {
    CHECK(message == failure);
    CHECK_THAT(message, Catch::Contains("[AllReduce] workers disagree on collective 2: worker ") &&
                            Catch::EndsWith("f32 (1024), worker 2 f32 (512)"));
  }
}

TEST_CASE("NCCL: history tells of every call what it was and how far it has come") {
  CONVOY_NEED_GPUS(3);
  RunGpuWorkers(3, CheckHistory);
  RunGpuWorkers(2, CheckLongHistory);
}

}  // namespace
}  // namespace convoy
