// Every collective of the in-process transport against a plain reference.
#include <atomic>
#include <catch2/catch.hpp>
#include <vector>

#include "parallel/inprocess/inprocess_group.h"
#include "tests/parallel/collective_cases.h"
#include "tests/parallel/workers.h"

namespace convoy {
namespace {

TEST_CASE("Reductions equal the sum in rank order, bit for bit") {
  RunWorkers(GENERATE(1, 2, 3, 4, 7), CheckReductions);
}

TEST_CASE("Broadcast, AllGather and AllToAll move every dtype") {
  RunWorkers(GENERATE(1, 2, 3, 4, 7), CheckAllMoves);
}

TEST_CASE("Workers with several threads use all of them for a collective") {
  Launch({.workers = 2, .threads = 3, .device = "cpu"},
         [](Worker& worker) { CheckAllReduce(worker, DType::kF32, ReduceOp::kSum, 1000003); });
}

TEST_CASE("Many collectives may be under way at once, and be waited for in any order") {
  RunWorkers(4, CheckManyAtOnce);
}

TEST_CASE("Done becomes true for workers that only ask") { RunWorkers(3, CheckDone); }

TEST_CASE("A worker may return without waiting for what it has joined") {
  RunWorkers(3, [](Worker& worker) {
    const Tensor tensor = Filled(worker, DType::kF32, 300000);
    Work work = worker.group().AllReduce(tensor);
    if (worker.rank() == 1) return;  // its tensor lives on in the collective
    work.Wait();
    ExpectValues(tensor, "AllReduce",
                 []<typename T>(T, int64_t i) { return Reduced<T>(3, ReduceOp::kSum, i); });
  });
}

TEST_CASE("Messages arrive in order per source, destination and tag") {
  RunWorkers(3, [](Worker& worker) {
    const int next = (worker.rank() + 1) % 3;
    const int previous = (worker.rank() + 2) % 3;
    std::vector<Tensor> sent, received;
    std::vector<Work> works;
    for (int32_t i = 0; i < 20; ++i) {
      const int tag = i % 2;
      sent.push_back(
          Tensor::Full({40000}, worker.rank() * 100 + i, {DType::kI32, worker.device()}));
      works.push_back(worker.group().Send(sent.back(), next, tag));
    }
    for (const int tag : {1, 0}) {  // not the order of sending
      for (int32_t i = tag; i < 20; i += 2) {
        const Tensor tensor = Tensor::Empty({40000}, {DType::kI32, worker.device()});
        worker.group().Recv(tensor, previous, tag).Wait();
        Expect(tensor.data<int32_t>()[39999] == previous * 100 + i, "message in order");
      }
    }
    for (Work& work : works) work.Wait();
  });
}

TEST_CASE("A worker may send to itself, and receive before anybody sends") {
  RunWorkers(2, [](Worker& worker) {
    const Tensor mine = Tensor::Scalar<float>(1.5f, worker.device());
    const Tensor copy = Tensor::Scalar<float>(0, worker.device());
    Work receiving = worker.group().Recv(copy, worker.rank(), 7);
    worker.group().Send(mine, worker.rank(), 7).Wait();
    receiving.Wait();
    Expect(copy.Item<float>() == 1.5f, "message to oneself");

    const Tensor other = Tensor::Scalar<float>(0, worker.device());
    Work waiting = worker.group().Recv(other, 1 - worker.rank(), 0);
    worker.group().Barrier();
    const Tensor rank = Tensor::Scalar<float>(static_cast<float>(worker.rank()), worker.device());
    worker.group().Send(rank, 1 - worker.rank(), 0);
    waiting.Wait();
    Expect(other.Item<float>() == static_cast<float>(1 - worker.rank()), "message");
  });
}

TEST_CASE("Barrier lets nobody pass before everybody has come") {
  std::atomic<int> arrived{0};
  RunWorkers(4, [&](Worker& worker) { CheckBarrier(worker, arrived); });
}

TEST_CASE("Arguments that cannot be right are refused") {
  const auto groups = MakeInProcessGroups(1);
  ProcessGroup& group = *groups[0];
  CHECK(group.name() == "inprocess");
  const Tensor flags = Tensor::Zeros({3}, {DType::kBool});
  const Tensor three = Tensor::Zeros({3});
  const Tensor four = Tensor::Zeros({4});
  CHECK_THROWS_WITH(group.AllReduce(flags),
                    "[AllReduce] wants numbers, got bool; cast to u8 and take the maximum or "
                    "minimum");
  CHECK_THROWS_WITH(group.AllReduce(Tensor()), "[AllReduce] got an undefined tensor");
  CHECK_THROWS_WITH(group.Broadcast(three, 1), "[Broadcast] root 1 is not one of the 1 workers");
  CHECK_THROWS_WITH(group.Send(three, -1), "[Send] destination -1 is not one of the 1 workers");
  CHECK_THROWS_WITH(group.AllGather(three, four),
                    "[AllGather] input f32 (3) wants an output of 3 elements, got f32 (4)");
  CHECK_THROWS_WITH(MakeInProcessGroups(0), "[InProcessGroup] wants at least one worker, got 0");
  CHECK(
      ErrorOf(2,
              [](Worker& worker) {
                const Tensor odd = Tensor::Zeros({3}, {DType::kF32, worker.device()});
                worker.group().ReduceScatter(odd, odd);
              })
          .find("[ReduceScatter] input (3) cannot be divided into 2 equal parts, one per worker") !=
      std::string::npos);
  CHECK(ErrorOf(2, [](Worker& worker) {
          const Tensor even = Tensor::Zeros({4}, {DType::kF32, worker.device()});
          worker.group().AllToAll(even, even);
        }).find("[AllToAll] cannot work in place") != std::string::npos);
}

}  // namespace
}  // namespace convoy
