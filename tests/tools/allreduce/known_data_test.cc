// What tools/allreduce knows of the results of its collectives: known data, and its check.
#include "tools/collectives/known_data.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstddef>
#include <limits>
#include <vector>

namespace convoy::collectives {
namespace {

using Numbers = std::vector<double>;

const std::vector<CollectiveKind> kKinds{CollectiveKind::kAllReduce, CollectiveKind::kAllGather,
                                         CollectiveKind::kReduceScatter, CollectiveKind::kBroadcast,
                                         CollectiveKind::kAllToAll};

const std::vector<DType> kDTypes{DType::kF32, DType::kF64, DType::kBF16, DType::kF16,
                                 DType::kI32, DType::kI64, DType::kU8};

Numbers Read(const Tensor& tensor) {
  return DispatchAll(tensor.dtype(), [&]<typename T>(T) {
    Numbers numbers;
    for (const T value : tensor.ToVector<T>()) {
      numbers.push_back(static_cast<double>(static_cast<ComputeType<T>>(value)));
    }
    return numbers;
  });
}

Tensor Written(const Numbers& numbers, DType dtype) {
  return DispatchAll(dtype, [&]<typename T>(T) {
    std::vector<T> values;
    for (const double number : numbers) {
      values.push_back(static_cast<T>(static_cast<ComputeType<T>>(number)));
    }
    return Tensor::From<T>({static_cast<int64_t>(values.size())}, values);
  });
}

// The collective as its definition says it, for worker `rank`.
Numbers Reference(const KnownData::Options& options, const std::vector<Numbers>& inputs, int rank) {
  const size_t numel = inputs[0].size(), part = numel / inputs.size();
  const size_t mine = part * static_cast<size_t>(rank);
  Numbers reduced = inputs[0], gathered, exchanged;
  for (size_t r = 0; r < inputs.size(); ++r) {
    gathered.insert(gathered.end(), inputs[r].begin(), inputs[r].end());
    const auto begin = inputs[r].begin() + static_cast<std::ptrdiff_t>(mine);
    exchanged.insert(exchanged.end(), begin, begin + static_cast<std::ptrdiff_t>(part));
    for (size_t i = 0; r > 0 && i < numel; ++i) {
      const double a = reduced[i], b = inputs[r][i];
      reduced[i] = options.op == ReduceOp::kSum   ? a + b
                   : options.op == ReduceOp::kMax ? std::max(a, b)
                                                  : std::min(a, b);
    }
  }
  switch (options.kind) {
    case CollectiveKind::kAllReduce:
      return reduced;
    case CollectiveKind::kReduceScatter: {
      const auto begin = reduced.begin() + static_cast<std::ptrdiff_t>(mine);
      return {begin, begin + static_cast<std::ptrdiff_t>(part)};
    }
    case CollectiveKind::kBroadcast:
      return inputs[static_cast<size_t>(options.root)];
    case CollectiveKind::kAllGather:
      return gathered;
    default:
      return exchanged;
  }
}

TEST_CASE("The known result of every collective is the one that its definition gives") {
  constexpr int kWorkers = 3;
  constexpr int64_t kNumel = 3 * 4500;  // parts longer than the data's period
  for (const CollectiveKind kind : kKinds) {
    for (const DType dtype : kDTypes) {
      for (const ReduceOp op : {ReduceOp::kSum, ReduceOp::kMax, ReduceOp::kMin}) {
        const KnownData::Options options{
            .kind = kind, .dtype = dtype, .op = op, .root = 1, .workers = kWorkers};
        const KnownData known(options);
        std::vector<Numbers> inputs;
        for (int rank = 0; rank < kWorkers; ++rank) {
          const Tensor input = Tensor::Empty({kNumel}, {dtype, {}});
          known.FillInput(rank, input);
          inputs.push_back(Read(input));
        }
        CAPTURE(Name(kind), Name(dtype), Name(op));
        CHECK(inputs[0] != inputs[1]);
        for (int rank = 0; rank < kWorkers; ++rank) {
          const Numbers right = Reference(options, inputs, rank);
          CHECK(known.CountWrong(rank, Written(right, dtype)) == 0);

          Numbers wrong = right;
          wrong[4200] += 1;
          wrong.back() += 1;
          CHECK(known.CountWrong(rank, Written(wrong, dtype)) == 2);

          Numbers moved = right;  // each element one place further
          std::rotate(moved.begin(), moved.end() - 1, moved.end());
          CHECK(known.CountWrong(rank, Written(moved, dtype)) > kNumel / 10);

          const Tensor untouched = Tensor::Empty({static_cast<int64_t>(right.size())}, {dtype, {}});
          known.FillOutput(untouched);
          CHECK(known.CountWrong(rank, untouched) == untouched.numel());
        }
      }
    }
  }
}

TEST_CASE("The known average is the mean of what the workers put in, and sums are exact") {
  for (const DType dtype : {DType::kF32, DType::kF64, DType::kBF16, DType::kF16}) {
    for (const int workers : {1, 2, 3, 7}) {
      CAPTURE(Name(dtype), workers);
      const KnownData known({.dtype = dtype, .average = true, .workers = workers});
      Numbers mean(5000);
      std::vector<Numbers> inputs;
      for (int rank = 0; rank < workers; ++rank) {
        const Tensor input = Tensor::Empty({5000}, {dtype, {}});
        known.FillInput(rank, input);
        inputs.push_back(Read(input));
        for (size_t i = 0; i < mean.size(); ++i) mean[i] += inputs.back()[i];
      }
      CHECK(*std::max_element(mean.begin(), mean.end()) <= (dtype == DType::kBF16 ? 256 : 2048));
      for (double& value : mean) value /= workers;
      CHECK(known.CountWrong(0, Written(mean, dtype)) == 0);
      if (workers > 1) {
        CHECK(inputs[0] != inputs[1]);
        CHECK(known.CountWrong(0, Written(inputs[0], dtype)) > 1000);
      }
      mean[4999] += 1;
      CHECK(known.CountWrong(0, Written(mean, dtype)) == 1);
    }
  }
}

TEST_CASE("A sum that leaves a worker out, or rounds, is wrong; so is a NaN") {
  const KnownData known({.dtype = DType::kF32, .workers = 4});
  Numbers sum(1000);
  const auto add = [&](int rank) {
    const Tensor input = Tensor::Empty({1000});
    known.FillInput(rank, input);
    const Numbers numbers = Read(input);
    for (size_t i = 0; i < sum.size(); ++i) sum[i] += numbers[i];
  };
  for (const int rank : {0, 1, 3}) add(rank);
  CHECK(known.CountWrong(0, Written(sum, DType::kF32)) > 900);  // zeros of worker 2 do not show
  add(2);
  CHECK(known.CountWrong(0, Written(sum, DType::kF32)) == 0);
  sum[7] *= 1 + 1e-6;
  sum[8] = std::numeric_limits<double>::quiet_NaN();
  CHECK(known.CountWrong(0, Written(sum, DType::kF32)) == 2);
}

TEST_CASE("Sums of so many workers that they are not exact are refused") {
  CHECK_NOTHROW(KnownData({.dtype = DType::kU8, .workers = 254}));
  CHECK_NOTHROW(KnownData({.dtype = DType::kF32, .workers = 1024}));
  CHECK_NOTHROW(KnownData({.dtype = DType::kU8, .op = ReduceOp::kMax, .workers = 300}));
  CHECK_THROWS_WITH(KnownData({.dtype = DType::kBF16, .workers = 257}),
                    "[allreduce] sums over 257 workers cannot be checked in bf16: above 256 they "
                    "are not exact; give another datatype (-d), or -c 0");
}

}  // namespace
}  // namespace convoy::collectives
