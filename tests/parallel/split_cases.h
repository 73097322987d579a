// What every transport's subgroups must do, as functions that each worker of a run calls.
#pragma once

#include <fmt/format.h>

#include <chrono>
#include <functional>
#include <memory>
#include <numeric>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "tests/parallel/collective_cases.h"

namespace convoy {

/// Whether `group` is that of the run's workers `members`, in their order.
inline void CheckMembers(Worker& worker, ProcessGroup& group, const std::vector<int32_t>& members) {
  ExpectEqual(group.size(), static_cast<int>(members.size()), "size of the group");
  const Tensor mine = Tensor::Scalar<int32_t>(worker.rank(), worker.device());
  const Tensor all = Tensor::Zeros({group.size()}, mine.options());
  group.AllGather(mine, all).Wait();
  ExpectEqual(all.ToVector<int32_t>(), members, "members of the group");
  ExpectEqual(members[static_cast<size_t>(group.rank())], worker.rank(), "rank in the group");
}

/// Some of everything in `group`.
inline void CheckCollectives(Worker& worker, ProcessGroup& group) {
  Worker member(group, worker.device());
  for (const int64_t n : {0, 1, 20011}) {
    CheckAllReduce(member, DType::kF32, ReduceOp::kSum, n);
    CheckReduceScatter(member, DType::kBF16, ReduceOp::kMax, n);
  }
  for (const DType dtype : kNumbers) CheckMoves(member, dtype, 63);
  CheckMoves(member, DType::kF32, 40009);
  CheckManyAtOnce(member);
  group.Barrier();

  const int next = (group.rank() + 1) % group.size();
  const int previous = (group.rank() + group.size() - 1) % group.size();
  const Tensor sent = Tensor::Full({100}, worker.rank(), {DType::kI32, worker.device()});
  const Tensor received = Tensor::Zeros({100}, sent.options());
  Work sending = group.Send(sent, next, 3);
  group.Recv(received, previous, 3).Wait();
  sending.Wait();
  const Tensor from = Tensor::Scalar<int32_t>(worker.rank(), worker.device());
  const Tensor all = Tensor::Zeros({group.size()}, from.options());
  group.AllGather(from, all).Wait();
  const int32_t expected = all.ToVector<int32_t>()[static_cast<size_t>(previous)];
  ExpectEqual(received.ToVector<int32_t>(), std::vector<int32_t>(100, expected), "message");
}

/// The workers from 0 to `size` for which `in` holds.
inline std::vector<int32_t> Those(int size, const std::function<bool(int)>& in) {
  std::vector<int32_t> ranks;
  for (int r = 0; r < size; ++r) {
    if (in(r)) ranks.push_back(r);
  }
  return ranks;
}

/// For any number of workers.
inline void CheckSplit(Worker& worker) {
  const int rank = worker.rank(), size = worker.world_size();
  ProcessGroup& all = worker.group();

  const auto thirds = all.Split(rank % 3);  // of different sizes, mostly
  CheckMembers(worker, *thirds, Those(size, [&](int r) { return r % 3 == rank % 3; }));
  CheckCollectives(worker, *thirds);
  ExpectEqual(thirds->name(), all.name(), "name");

  const auto others = all.Split(rank == 0 ? -1 : 1'000'000);
  Expect((others == nullptr) == (rank == 0), "no group for a negative color");
  if (others) CheckMembers(worker, *others, Those(size, [](int r) { return r > 0; }));

  const auto alone = all.Split(size - rank);
  CheckMembers(worker, *alone, {rank});
  CheckCollectives(worker, *alone);

  // A part of a part.
  const int half = rank < (size + 1) / 2;
  const auto halves = all.Split(half);
  const auto part = halves->Split(rank % 2);
  CheckMembers(worker, *part, Those(size, [&](int r) {
                 return (r < (size + 1) / 2) == half && r % 2 == rank % 2;
               }));
  CheckCollectives(worker, *part);
  CheckCollectives(worker, all);
}

/// For four workers: sums of rows, columns and all are under way at the same time.
inline void CheckGrid(Worker& worker) {
  const int rank = worker.rank();
  const auto row = worker.group().Split(rank / 2);
  const auto column = worker.group().Split(rank % 2);
  CheckMembers(worker, *row, {rank / 2 * 2, rank / 2 * 2 + 1});
  CheckMembers(worker, *column, {rank % 2, rank % 2 + 2});
  const auto value = [&](int r, int step) { return 100 * r + step; };
  std::vector<Tensor> tensors;
  std::vector<Work> works;
  for (int step = 0; step < 20; ++step) {
    for (ProcessGroup* group : {row.get(), column.get(), &worker.group()}) {
      tensors.push_back(Tensor::Full({30000}, value(rank, step), {DType::kI32, worker.device()}));
      works.push_back(group->AllReduce(tensors.back()));
    }
    // Messages in one group beside a sum in another.
    const int32_t mine = value(rank, step);
    const Tensor sent = Tensor::Scalar<int32_t>(mine, worker.device());
    const Tensor received = Tensor::Scalar<int32_t>(0, worker.device());
    Work sending = column->Send(sent, 1 - column->rank());
    Work receiving = column->Recv(received, 1 - column->rank());
    if (rank == 3) receiving.Wait();
    works.push_back(worker.group().AllReduce(sent.Clone()));
    tensors.push_back(Tensor());
    sending.Wait();
    receiving.Wait();
    ExpectEqual(received.Item<int32_t>(), value((rank + 2) % 4, step), "message of the column");
  }
  for (size_t i = 0; i < works.size(); ++i) {
    works[i].Wait();
    if (!tensors[i].defined()) continue;
    const int step = static_cast<int>(i / 4);
    int32_t sum = 0;
    for (int r = 0; r < 4; ++r) {
      const bool in = i % 4 == 0 ? r / 2 == rank / 2 : i % 4 == 1 ? r % 2 == rank % 2 : true;
      if (in) sum += value(r, step);
    }
    Expect(tensors[i].ToVector<int32_t>() == std::vector<int32_t>(30000, sum),
           fmt::format("sum {} of step {}", i % 4, step));
  }
}

/// For four workers, of which the third throws "out of luck" while the others wait in three groups
/// that cannot go on.
inline void CheckFailsEverywhere(Worker& worker) {
  const int rank = worker.rank();
  const auto pair = worker.group().Split(rank / 2);
  const auto others = worker.group().Split(rank == 2 ? -1 : 0);
  const Tensor tensor = Filled(worker, DType::kF32, 5000);
  switch (rank) {
    case 0:
      return pair->AllReduce(tensor).Wait(), worker.group().Barrier();
    case 1:
      pair->AllReduce(tensor).Wait();
      return others->Barrier();
    case 2:
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
      throw std::runtime_error("out of luck");
    default:
      pair->Recv(tensor, 0).Wait();
      tensor.ToVector<float>();
  }
}

}  // namespace convoy
