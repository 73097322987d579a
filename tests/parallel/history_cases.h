// What every transport's history must tell, as functions that each worker of a run calls.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "tests/parallel/workers.h"

namespace convoy {

using State = CollectiveRecord::State;

/// For two workers or more.
inline void CheckHistory(Worker& worker) {
  ProcessGroup& group = worker.group();
  const Tensor numbers = Tensor::Full({50000}, 1, {DType::kF32, worker.device()});
  const Tensor few = Tensor::Full({4}, 1, numbers.options());
  group.AllReduce(numbers, ReduceOp::kSum, "bucket 0 (fc1.weight)").Wait();
  group.Broadcast(few, 1).Wait();
  const int next = (worker.rank() + 1) % worker.world_size();
  const int previous = (worker.rank() + worker.world_size() - 1) % worker.world_size();
  Work sending = group.Send(few, next, 7);
  const Tensor received = Tensor::Empty({4}, numbers.options());
  group.Recv(received, previous, 7).Wait();
  sending.Wait();
  group.Barrier();
  numbers.ToVector<float>();  // a GPU's host has seen all of it now

  // What has ended is noticed a little later on a GPU.
  std::vector<CollectiveRecord> history = group.history();
  for (int tries = 0; tries < 2000 && history.back().state != State::kDone; ++tries) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    history = group.history();
  }
  ExpectEqual(history.size(), size_t{5}, "five calls");
  const uint64_t numbered[] = {1, 2, 0, 0, 3};
  const char* const kinds[] = {"AllReduce", "Broadcast", "Send", "Recv", "Barrier"};
  const int64_t bytes[] = {200000, 16, 16, 16, 0};
  const int peers[] = {-1, 1, next, previous, -1};
  for (size_t i = 0; i < 5; ++i) {
    const CollectiveRecord& it = history[i];
    const std::string call = fmt::format("call {}, ", i);
    ExpectEqual(it.number, numbered[i], call + "number");
    ExpectEqual(it.kind, std::string(kinds[i]), call + "kind");
    ExpectEqual(it.bytes, bytes[i], call + "bytes");
    ExpectEqual(it.peer, peers[i], call + "peer");
    ExpectEqual(it.tag, it.number == 0 ? 7 : 0, call + "tag");
    ExpectEqual(it.what, std::string(i == 0 ? "bucket 0 (fc1.weight)" : ""), call + "what");
    Expect(it.state == State::kDone, std::string(Name(it.state)) + ", not done");
    constexpr double kSlack = 1e-3;  // of one clock seen through the other
    Expect(it.started_s && it.ended_s && it.queued_s <= *it.started_s + kSlack &&
               *it.started_s <= *it.ended_s + kSlack,
           "times in order");
  }
  const double now =
      std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  Expect(now - history[0].queued_s >= 0 && now - history[0].queued_s < 60, "time of the day");

  const auto subgroup = group.Split(worker.rank() % 2);
  subgroup->Barrier();
  Expect(subgroup->history().size() == 1 && subgroup->history()[0].number == 1, "its own history");
  ExpectEqual(subgroup->workers()[0], worker.rank() % 2, "workers");
}

/// The oldest are forgotten.
inline void CheckLongHistory(Worker& worker) {
  for (int i = 0; i < 1234; ++i) worker.group().Barrier();
  const std::vector<CollectiveRecord> history = worker.group().history();
  Expect(history.size() == 1000, "a thousand");
  ExpectEqual(history.front().number, uint64_t{235}, "the oldest");
  ExpectEqual(history.back().number, uint64_t{1234}, "the newest");
}

}  // namespace convoy
