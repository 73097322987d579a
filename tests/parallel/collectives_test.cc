// Every collective of the in-process transport against a plain reference.
#include <fmt/format.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <cstring>
#include <thread>
#include <vector>

#include "parallel/inprocess/inprocess_group.h"
#include "tests/parallel/workers.h"

namespace convoy {
namespace {

constexpr ReduceOp kOps[] = {ReduceOp::kSum, ReduceOp::kMax, ReduceOp::kMin};
constexpr DType kNumbers[] = {DType::kF32, DType::kF64, DType::kBF16, DType::kF16,
                              DType::kI32, DType::kI64, DType::kU8};

// Element `i` of worker `rank`: fractions whose sum depends on the order, or small integers.
template <typename T>
T Value(int rank, int64_t i) {
  if constexpr (std::is_same_v<ComputeType<T>, float> || std::is_same_v<T, double>) {
    const int64_t mixed = (i * 7919 + rank * 104729) % 2003;
    return static_cast<T>(1.0f / static_cast<float>(mixed - 1000.5));
  } else if constexpr (std::is_same_v<T, bool>) {
    return (i + rank) % 3 == 0;
  } else {
    return static_cast<T>((i * 31 + rank * 17) % 23);
  }
}

Tensor Filled(Worker& worker, DType dtype, int64_t numel) {
  const Tensor tensor = Tensor::Empty({numel}, {dtype, worker.device()});
  DispatchAll(dtype, [&]<typename T>(T) {
    for (int64_t i = 0; i < numel; ++i) tensor.data<T>()[i] = Value<T>(worker.rank(), i);
  });
  return tensor;
}

// Worker 0's value, then worker 1's ..., rounded once.
template <typename T>
T Reduced(int workers, ReduceOp op, int64_t i) {
  using C = ComputeType<T>;
  C result = static_cast<C>(Value<T>(0, i));
  for (int rank = 1; rank < workers; ++rank) {
    const C next = static_cast<C>(Value<T>(rank, i));
    if (op == ReduceOp::kSum) result = static_cast<C>(result + next);
    if (op == ReduceOp::kMax) result = result < next ? next : result;
    if (op == ReduceOp::kMin) result = next < result ? next : result;
  }
  return static_cast<T>(result);
}

template <typename T>
bool SameBits(T a, T b) {
  return std::memcmp(&a, &b, sizeof(T)) == 0;
}

// Compares tensor[i] with reference(T{}, i) bit for bit.
template <typename F>
void ExpectValues(const Tensor& tensor, const std::string& what, F&& reference) {
  DispatchAll(tensor.dtype(), [&]<typename T>(T) {
    int64_t same = 0;
    while (same < tensor.numel() && SameBits(tensor.data<T>()[same], reference(T{}, same))) ++same;
    Expect(same == tensor.numel(),
           fmt::format("{} {} differs at {}", what, Name(tensor.dtype()), same));
  });
}

void CheckReductions(Worker& worker, DType dtype, ReduceOp op, int64_t n) {
  const int size = worker.world_size();
  const Tensor all = Filled(worker, dtype, n);
  worker.group().AllReduce(all, op).Wait();
  ExpectValues(all, "AllReduce", [&]<typename T>(T, int64_t i) { return Reduced<T>(size, op, i); });

  const Tensor input = Filled(worker, dtype, n * size);
  const Tensor part = Tensor::Empty({n}, input.options());
  worker.group().ReduceScatter(input, part, op).Wait();
  ExpectValues(part, "ReduceScatter", [&]<typename T>(T, int64_t i) {
    return Reduced<T>(size, op, worker.rank() * n + i);
  });
}

void CheckMoves(Worker& worker, DType dtype, int64_t n) {
  const int size = worker.world_size();
  for (int root = 0; root < size; ++root) {
    const Tensor tensor = Filled(worker, dtype, n);
    worker.group().Broadcast(tensor, root).Wait();
    ExpectValues(tensor, "Broadcast", [&]<typename T>(T, int64_t i) { return Value<T>(root, i); });
  }
  const Tensor mine = Filled(worker, dtype, n);
  const Tensor gathered = Tensor::Empty({n * size}, mine.options());
  worker.group().AllGather(mine, gathered).Wait();
  ExpectValues(gathered, "AllGather",
               [&]<typename T>(T, int64_t i) { return Value<T>(static_cast<int>(i / n), i % n); });

  const Tensor outgoing = Filled(worker, dtype, n * size);
  const Tensor incoming = Tensor::Empty({n * size}, mine.options());
  worker.group().AllToAll(outgoing, incoming).Wait();
  ExpectValues(incoming, "AllToAll", [&]<typename T>(T, int64_t i) {
    return Value<T>(static_cast<int>(i / n), worker.rank() * n + i % n);
  });
}

TEST_CASE("Reductions equal the sum in rank order, bit for bit") {
  const int workers = GENERATE(1, 2, 3, 4, 7);
  RunWorkers(workers, [](Worker& worker) {
    for (const DType dtype : kNumbers) {
      for (const ReduceOp op : kOps) {
        for (const int64_t n : {0, 1, 63, 40009}) CheckReductions(worker, dtype, op, n);
      }
    }
    CheckReductions(worker, DType::kF32, ReduceOp::kSum, 1000003);
  });
}

TEST_CASE("Broadcast, AllGather and AllToAll move every dtype") {
  const int workers = GENERATE(1, 2, 3, 4, 7);
  RunWorkers(workers, [](Worker& worker) {
    for (const DType dtype : kNumbers) {
      for (const int64_t n : {0, 1, 63}) CheckMoves(worker, dtype, n);
    }
    CheckMoves(worker, DType::kBool, 63);
    CheckMoves(worker, DType::kF32, 40009);
  });
}

TEST_CASE("Workers with several threads use all of them for a collective") {
  Launch({.workers = 2, .threads = 3, .device = "cpu"},
         [](Worker& worker) { CheckReductions(worker, DType::kF32, ReduceOp::kSum, 1000003); });
}

TEST_CASE("Many collectives may be under way at once, and be waited for in any order") {
  RunWorkers(4, [](Worker& worker) {
    std::vector<Tensor> tensors;
    std::vector<Work> works;
    for (int64_t i = 0; i < 200; ++i) {
      const int64_t n = (i * 977) % 50000;
      tensors.push_back(Filled(worker, DType::kF32, n));
      works.push_back(worker.group().AllReduce(tensors.back()));
    }
    for (size_t i = works.size(); i-- > 0;) {
      works[i].Wait();
      Expect(works[i].Done(), "Done after Wait");
      ExpectValues(tensors[i], "AllReduce",
                   []<typename T>(T, int64_t e) { return Reduced<T>(4, ReduceOp::kSum, e); });
    }
  });
}

TEST_CASE("Done becomes true for workers that only ask") {
  RunWorkers(3, [](Worker& worker) {
    const Tensor tensor = Filled(worker, DType::kF32, 300000);
    Work work = worker.group().AllReduce(tensor);
    while (!work.Done()) std::this_thread::yield();
    Expect(work.seconds() > 0, "time taken");
    ExpectValues(tensor, "AllReduce",
                 []<typename T>(T, int64_t i) { return Reduced<T>(3, ReduceOp::kSum, i); });
  });
}

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
  RunWorkers(4, [&](Worker& worker) {
    for (int round = 1; round <= 50; ++round) {
      ++arrived;
      worker.group().Barrier();
      Expect(arrived >= 4 * round, "all have come");
      worker.group().Barrier();
    }
  });
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
