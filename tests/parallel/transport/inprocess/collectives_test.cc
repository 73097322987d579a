// Every collective of the in-process transport against a plain reference.
#include <atomic>
#include <catch2/catch.hpp>
#include <vector>

#include "parallel/transport/inprocess/inprocess_group.h"
#include "parallel/transport/solo/solo_group.h"
#include "tests/parallel/collective_cases.h"
#include "tests/parallel/split_cases.h"
#include "tests/parallel/workers.h"

namespace convoy {
namespace {

TEST_CASE("Reductions equal the sum in rank order, bit for bit") {
  RunWorkers(GENERATE(1, 2, 3, 4, 7, 8), CheckReductions);
}

TEST_CASE("A NaN of any worker is in the sum, the maximum and the minimum") {
  RunWorkers(GENERATE(1, 2, 3), CheckNaN);
}

TEST_CASE("Broadcast, AllGather and AllToAll move every dtype") {
  RunWorkers(GENERATE(1, 2, 3, 4, 7, 8), CheckAllMoves);
}

TEST_CASE("Workers with several threads use all of them for a collective") {
  Launch({.workers = 2, .threads = 3, .device = "cpu"},
         [](Worker& worker) { CheckAllReduce(worker, DType::kF32, ReduceOp::kSum, 1000003); });
}

TEST_CASE("A worker that is alone: every reduction and move, in place too") {
  Launch({.workers = 1, .threads = 1, .device = "cpu", .transport = "solo"}, [](Worker& worker) {
    ExpectEqual(worker.group().name(), std::string("solo"), "transport");
    CheckReductions(worker);
    CheckAllMoves(worker);
  });
}

TEST_CASE("Tensors of 64 MiB") { RunWorkers(GENERATE(2, 3), CheckLarge); }

TEST_CASE("Many collectives may be under way at once, and be waited for in any order") {
  RunWorkers(4, CheckManyAtOnce);
}

TEST_CASE("Done becomes true for workers that only ask") { RunWorkers(3, CheckDone); }

TEST_CASE("A worker may return without waiting for what it has joined") {
  RunWorkers(3, CheckLeavesEarly);
}

TEST_CASE("Messages arrive in order per source, destination and tag") {
  RunWorkers(3, CheckMessages);
}

TEST_CASE("A worker may send to itself, and receive before anybody sends") {
  RunWorkers(2, CheckMessagesToOneself);
}

TEST_CASE("Barrier lets nobody pass before everybody has come") {
  std::atomic<int> arrived{0};
  RunWorkers(4, [&](Worker& worker) { CheckBarrier(worker, arrived); });
}

TEST_CASE("Split makes a group of the workers that give one color") {
  RunWorkers(GENERATE(1, 2, 3, 5, 7), CheckSplit);
}

TEST_CASE("rows and columns of a grid compute at the same time") { RunWorkers(4, CheckGrid); }

TEST_CASE("A worker that is alone on its device can split its group as well") {
  transport::SoloGroup group(Device::Cpu(0));
  Worker worker(group, Device::Cpu(0));
  CheckSplit(worker);
  const auto subgroup = group.Split(0);
  group.Abort("enough");
  CHECK_THROWS_WITH(subgroup->Barrier(), "enough");
}

TEST_CASE("Arguments that cannot be right are refused") {
  const auto groups = transport::MakeInProcessGroups(1);
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
  CHECK_THROWS_WITH(transport::MakeInProcessGroups(0),
                    "[InProcessGroup] wants at least one worker, got 0");
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
  const auto overlapping = [](bool gather) {
    return ErrorOf(2, [gather](Worker& worker) {
      const Tensor whole = Tensor::Zeros({8}, {DType::kF32, worker.device()});
      const Tensor part = whole.View({4}, 2);
      if (gather) worker.group().AllGather(part, whole);
      if (!gather) worker.group().ReduceScatter(whole, part);
    });
  };
  CHECK(overlapping(true).find("[AllGather] input and output overlap") != std::string::npos);
  CHECK(overlapping(false).find("[ReduceScatter] output and input overlap") != std::string::npos);
}

}  // namespace
}  // namespace convoy
