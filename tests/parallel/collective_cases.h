// What every transport's collectives must do, as functions that each worker of a run calls.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "tests/parallel/workers.h"

namespace convoy {

inline constexpr ReduceOp kOps[] = {ReduceOp::kSum, ReduceOp::kMax, ReduceOp::kMin};
inline constexpr DType kNumbers[] = {DType::kF32, DType::kF64, DType::kBF16, DType::kF16,
                                     DType::kI32, DType::kI64, DType::kU8};

template <typename T>
inline constexpr bool kFractions =
    std::is_same_v<ComputeType<T>, float> || std::is_same_v<T, double>;

// After how many elements Value() comes again: a prime.
template <typename T>
inline constexpr int64_t kPeriod = kFractions<T>             ? 2003
                                   : std::is_same_v<T, bool> ? 3
                                                             : 23;

// Element `i` of worker `rank`: fractions whose sum depends on the order, or small integers.
template <typename T>
T Value(int rank, int64_t i) {
  if constexpr (kFractions<T>) {
    const int64_t mixed = (i * 7919 + rank * 104729) % kPeriod<T>;
    return static_cast<T>(1.0f / static_cast<float>(mixed - 1000.5));
  } else if constexpr (std::is_same_v<T, bool>) {
    return (i + rank) % kPeriod<T> == 0;
  } else {
    return static_cast<T>((i * 31 + rank * 17) % kPeriod<T>);
  }
}

// The first `n` of f(i), which repeat as Value() does: one period is computed, the rest are copies.
template <typename T, typename F>
void Fill(T* out, int64_t n, F&& f) {
  for (int64_t i = 0; i < std::min(n, kPeriod<T>); ++i) out[i] = f(i);
  for (int64_t done = kPeriod<T>; done < n; done += kPeriod<T>) {
    std::copy_n(out, std::min(kPeriod<T>, n - done), out + done);
  }
}

inline Tensor Filled(Worker& worker, DType dtype, int64_t numel) {
  const Tensor tensor = Tensor::Empty({numel}, {dtype});
  DispatchAll(dtype, [&]<typename T>(T) {
    Fill(tensor.data<T>(), numel, [&](int64_t i) { return Value<T>(worker.rank(), i); });
  });
  return tensor.To(worker.device());
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

// Whether a sum may have been taken in another order than that of the ranks: by NCCL itself.
inline bool AnyOrder(const Tensor& tensor) {
#if defined(CONVOY_SIM)
  (void)tensor;
  return false;
#else
  return !tensor.device().is_cpu();
#endif
}

// Compares tensor with `parts` equal parts, of which part p is reference(T{}, p, i) at i; bit for
// bit unless a sum was taken in another order.
template <typename F>
void ExpectValues(const Tensor& tensor, const std::string& what, int parts, F&& reference,
                  bool any_order = false) {
  const Tensor values = tensor.To(Device::Cpu());
  const Tensor expected = Tensor::Empty(values.shape(), values.options());
  const int64_t n = values.numel() / parts;
  DispatchAll(values.dtype(), [&]<typename T>(T) {
    for (int p = 0; p < parts; ++p) {
      Fill(expected.data<T>() + p * n, n, [&](int64_t i) { return reference(T{}, p, i); });
    }
    const T* a = values.data<T>();
    const T* b = expected.data<T>();
    const auto fits = [&](int64_t i) {
      if (std::memcmp(a + i, b + i, sizeof(T)) == 0) return true;
      const double value = static_cast<double>(static_cast<ComputeType<T>>(a[i]));
      const double wanted = static_cast<double>(static_cast<ComputeType<T>>(b[i]));
      const double unit = std::is_same_v<T, double>  ? 1e-14
                          : std::is_same_v<T, float> ? 1e-6
                                                     : 1e-2;
      return any_order && std::abs(value - wanted) <= unit * (1 + std::abs(wanted));
    };
    int64_t same = 0;
    if (n == 0 || std::memcmp(a, b, values.bytes()) == 0) same = values.numel();
    while (same < values.numel() && fits(same)) ++same;
    Expect(same == values.numel(),
           fmt::format("{} {} differs at {}", what, Name(values.dtype()), same));
  });
}

inline void ExpectReduced(const Tensor& tensor, const std::string& what, int workers,
                          ReduceOp op = ReduceOp::kSum, int64_t from = 0) {
  ExpectValues(
      tensor, what, 1,
      [&]<typename T>(T, int, int64_t i) { return Reduced<T>(workers, op, from + i); },
      AnyOrder(tensor));
}

inline void CheckAllReduce(Worker& worker, DType dtype, ReduceOp op, int64_t n) {
  const Tensor all = Filled(worker, dtype, n);
  worker.group().AllReduce(all, op).Wait();
  ExpectReduced(all, "AllReduce", worker.world_size(), op);
}

inline void CheckReduceScatter(Worker& worker, DType dtype, ReduceOp op, int64_t n) {
  const int size = worker.world_size();
  const Tensor input = Filled(worker, dtype, n * size);
  const Tensor part = Tensor::Empty({n}, input.options());
  worker.group().ReduceScatter(input, part, op).Wait();
  ExpectReduced(part, "ReduceScatter", size, op, worker.rank() * n);

  const Tensor both = Filled(worker, dtype, n * size);
  const Tensor mine = both.View({n}, n * worker.rank());
  worker.group().ReduceScatter(both, mine, op).Wait();
  ExpectReduced(mine, "ReduceScatter into its input", size, op, worker.rank() * n);
}

inline void CheckMoves(Worker& worker, DType dtype, int64_t n) {
  const int size = worker.world_size();
  for (int root = 0; root < size; ++root) {
    const Tensor tensor = Filled(worker, dtype, n);
    worker.group().Broadcast(tensor, root).Wait();
    ExpectValues(tensor, "Broadcast", 1,
                 [&]<typename T>(T, int, int64_t i) { return Value<T>(root, i); });
  }
  const Tensor mine = Filled(worker, dtype, n);
  const Tensor gathered = Tensor::Empty({n * size}, mine.options());
  worker.group().AllGather(mine, gathered).Wait();
  const auto of_all = []<typename T>(T, int from, int64_t i) { return Value<T>(from, i); };
  ExpectValues(gathered, "AllGather", size, of_all);
  const Tensor both = Tensor::Zeros({n * size}, mine.options());
  const Tensor part = both.View({n}, n * worker.rank());
  part.CopyFrom(mine);
  worker.group().AllGather(part, both).Wait();
  ExpectValues(both, "AllGather from its output", size, of_all);

  const Tensor outgoing = Filled(worker, dtype, n * size);
  const Tensor incoming = Tensor::Empty({n * size}, mine.options());
  worker.group().AllToAll(outgoing, incoming).Wait();
  ExpectValues(incoming, "AllToAll", size, [&]<typename T>(T, int from, int64_t i) {
    return Value<T>(from, worker.rank() * n + i);
  });
}

inline void CheckReductions(Worker& worker) {
  for (const DType dtype : kNumbers) {
    for (const ReduceOp op : kOps) {
      for (const int64_t n : {0, 1, 63, 20011}) {
        CheckAllReduce(worker, dtype, op, n);
        CheckReduceScatter(worker, dtype, op, n);
      }
    }
  }
  CheckAllReduce(worker, DType::kF32, ReduceOp::kSum, 1000003);
}

// A NaN of any worker stays, whatever the others have: worker r has one at every element r, r + 4,
// ..., so that with three workers each fourth element has none.
inline void CheckNaN(Worker& worker) {
  constexpr int64_t kNumel = 131;
  for (const DType dtype : {DType::kF32, DType::kF64, DType::kBF16, DType::kF16}) {
    for (const ReduceOp op : kOps) {
      const Tensor all = Filled(worker, dtype, kNumel);
      const auto for_each = [&](auto&& f) {
        DispatchFloating(dtype, "CheckNaN", [&]<typename T>(T) {
          for (int64_t i = 0; i < kNumel; ++i) f(i, all.data<T>()[i]);
        });
      };
      for_each([&]<typename T>(int64_t i, T& element) {
        if (i % 4 == worker.rank()) element = T(NAN);
      });
      worker.group().AllReduce(all, op).Wait();
      for_each([&]<typename T>(int64_t i, T& element) {
        const bool nan = std::isnan(static_cast<double>(static_cast<ComputeType<T>>(element)));
        Expect(nan == (i % 4 < worker.world_size()),
               fmt::format("AllReduce {}, op {}: element {} is {}NaN", Name(dtype),
                           static_cast<int>(op), i, nan ? "" : "not "));
      });
    }
  }
}

inline void CheckAllMoves(Worker& worker) {
  for (const DType dtype : kNumbers) {
    for (const int64_t n : {0, 1, 63}) CheckMoves(worker, dtype, n);
  }
  CheckMoves(worker, DType::kBool, 63);
  CheckMoves(worker, DType::kF32, 40009);
}

inline void CheckLarge(Worker& worker) {
  constexpr int64_t k64MiB = int64_t{64} << 20;
  for (const DType dtype : kNumbers) {
    CheckAllReduce(worker, dtype, ReduceOp::kSum, k64MiB / static_cast<int64_t>(SizeOf(dtype)));
  }
  CheckMoves(worker, DType::kF32, int64_t{2} << 20);
}

// Sixty sums under way at once, waited for last to first.
inline void CheckManyAtOnce(Worker& worker) {
  std::vector<Tensor> tensors;
  std::vector<Work> works;
  for (int64_t i = 0; i < 60; ++i) {
    const int64_t n = (i * 977) % 50000;
    tensors.push_back(Filled(worker, DType::kF32, n));
    works.push_back(worker.group().AllReduce(tensors.back()));
  }
  for (size_t i = works.size(); i-- > 0;) {
    works[i].Wait();
    ExpectReduced(tensors[i], "AllReduce", worker.world_size());
  }
}

inline void CheckDone(Worker& worker) {
  const Tensor tensor = Filled(worker, DType::kF32, 300000);
  Work work = worker.group().AllReduce(tensor);
  while (!work.Done()) std::this_thread::yield();
  Expect(work.seconds() > 0, "time taken");
  work.Wait();
  ExpectReduced(tensor, "AllReduce", worker.world_size());
}

// `arrived` is shared by the workers.
inline void CheckBarrier(Worker& worker, std::atomic<int>& arrived) {
  for (int round = 1; round <= 50; ++round) {
    ++arrived;
    worker.group().Barrier();
    Expect(arrived >= worker.world_size() * round, "all have come");
    worker.group().Barrier();
  }
}

inline void CheckLeavesEarly(Worker& worker) {
  const Tensor tensor = Filled(worker, DType::kF32, 300000);
  Work work = worker.group().AllReduce(tensor);
  if (worker.rank() == 1) return;  // its tensor lives on in the collective
  work.Wait();
  ExpectReduced(tensor, "AllReduce", 3);
}

inline void CheckMessages(Worker& worker) {
  const int next = (worker.rank() + 1) % 3;
  const int previous = (worker.rank() + 2) % 3;
  std::vector<Tensor> sent, received;
  std::vector<Work> works;
  for (int32_t i = 0; i < 20; ++i) {
    const int tag = i % 2;
    sent.push_back(Tensor::Full({40000}, worker.rank() * 100 + i, {DType::kI32, worker.device()}));
    works.push_back(worker.group().Send(sent.back(), next, tag));
  }
  for (const int tag : {1, 0}) {  // not the order of sending
    for (int32_t i = tag; i < 20; i += 2) {
      const Tensor tensor = Tensor::Empty({40000}, {DType::kI32, worker.device()});
      worker.group().Recv(tensor, previous, tag).Wait();
      ExpectEqual(tensor.data<int32_t>()[39999], previous * 100 + i, "message in order");
    }
  }
  for (Work& work : works) work.Wait();
}

inline void CheckMessagesToOneself(Worker& worker) {
  const Tensor mine = Tensor::Scalar<float>(1.5f, worker.device());
  const Tensor copy = Tensor::Scalar<float>(0, worker.device());
  Work receiving = worker.group().Recv(copy, worker.rank(), 7);
  worker.group().Send(mine, worker.rank(), 7).Wait();
  receiving.Wait();
  ExpectEqual(copy.Item<float>(), 1.5f, "message to oneself");

  const Tensor other = Tensor::Scalar<float>(0, worker.device());
  Work waiting = worker.group().Recv(other, 1 - worker.rank(), 0);
  worker.group().Barrier();
  const Tensor rank = Tensor::Scalar<float>(static_cast<float>(worker.rank()), worker.device());
  worker.group().Send(rank, 1 - worker.rank(), 0);
  waiting.Wait();
  ExpectEqual(other.Item<float>(), static_cast<float>(1 - worker.rank()), "message");
}

}  // namespace convoy
