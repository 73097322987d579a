// What tools/allreduce is made of: sizes, amounts, known data and its check, memory, tables.
#include <algorithm>
#include <catch2/catch.hpp>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tools/collectives/known_data.h"
#include "tools/collectives/measure.h"
#include "tools/collectives/places.h"
#include "tools/collectives/report.h"
#include "tools/collectives/sizes.h"

namespace convoy {
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

TEST_CASE("Sizes are read with suffixes, in steps of 1024") {
  for (const auto& [text, bytes] :
       std::vector<std::pair<std::string, int64_t>>{{"0", 0},
                                                    {"8", 8},
                                                    {"64K", 64 << 10},
                                                    {"64k", 64 << 10},
                                                    {"25M", 25 << 20},
                                                    {"1.5M", 3 << 19},
                                                    {"1G", 1 << 30},
                                                    {"1024G", int64_t{1} << 40}}) {
    CAPTURE(text);
    CHECK(ParseSize("-b", text) == bytes);
  }
  for (const std::string text :
       {"", "M", "8B", "8KB", "-8", "1e3", "1.2.3", "0.3", "1025G", "8 K", "0x10", "inf", "."}) {
    CAPTURE(text);
    CHECK_THROWS_WITH(ParseSize("-b", text),
                      "[allreduce] -b wants a number of bytes, at most 1024G, such as 8, 64K, 25M "
                      "or 1G; got '" +
                          text + "'");
  }
}

TEST_CASE("A sweep goes from the first size to the last, by a sum or a factor") {
  using Sizes = std::vector<int64_t>;
  CHECK(SizesOf({.first = 8, .last = 128, .factor = 4}) == Sizes{8, 32, 128});
  CHECK(SizesOf({.first = 8, .last = 127, .factor = 4}) == Sizes{8, 32});
  CHECK(SizesOf({.first = 0, .last = 10, .step = 4}) == Sizes{0, 4, 8});
  CHECK(SizesOf({.first = 0, .last = 0, .factor = 2}) == Sizes{0});
  CHECK_THROWS_WITH(SizesOf({.first = 9, .last = 8, .step = 1}),
                    "[allreduce] the smallest size, 9 bytes (-b), is above the largest, 8 bytes "
                    "(-e)");
  CHECK_THROWS_WITH(SizesOf({.first = 0, .last = 8, .factor = 2}),
                    Catch::Contains("never get there by a factor of 2"));
  CHECK_THROWS_WITH(SizesOf({.first = 1, .last = 8, .step = 0}),
                    Catch::Contains("never get there by 0 bytes at a time"));
}

TEST_CASE("Amounts and bus factors are nccl-tests'") {
  struct Row {
    CollectiveKind kind;
    Amount amount;  // of 1003 bytes of f32 on 4 workers
    double factor;
  };
  for (const Row& row : std::vector<Row>{{CollectiveKind::kAllReduce, {1000, 250, 250, 0}, 1.5},
                                         {CollectiveKind::kBroadcast, {1000, 250, 250, 0}, 1},
                                         {CollectiveKind::kAllGather, {992, 62, 62, 248}, 0.75},
                                         {CollectiveKind::kReduceScatter, {992, 62, 248, 62}, 0.75},
                                         {CollectiveKind::kAllToAll, {992, 62, 248, 248}, 0.75}}) {
    CAPTURE(Name(row.kind));
    const Amount amount = AmountOf(row.kind, DType::kF32, 1003, 4);
    CHECK(amount.bytes == row.amount.bytes);
    CHECK(amount.count == row.amount.count);
    CHECK(amount.input == row.amount.input);
    CHECK(amount.output == row.amount.output);
    CHECK(BusFactor(row.kind, 4) == row.factor);
  }
  CHECK(BusFactor(CollectiveKind::kAllReduce, 1) == 0);
}

TEST_CASE("Memory is what the kernel says is available, and what the tensors take") {
  CHECK(AvailableBytes("MemTotal:       24689764 kB\nMemFree:  1 kB\nMemAvailable:   2048 kB\n") ==
        2 << 20);
  CHECK(AvailableBytes("MemTotal:       24689764 kB\n") == -1);
  CHECK(AvailableBytes("MemAvailable:   ") == -1);
  CollectiveBenchOptions options{.sweep = {.first = 4, .last = 4000}};
  CHECK(HostBytesNeeded(options, 4, /*on_gpu=*/false) == 4000);
  options.kind = CollectiveKind::kAllGather;
  CHECK(HostBytesNeeded(options, 4, /*on_gpu=*/false) == 5000);
  CHECK(HostBytesNeeded(options, 4, /*on_gpu=*/true) == 4000);
  options.checks = 0;
  CHECK(HostBytesNeeded(options, 4, /*on_gpu=*/true) == 0);
  options = {.sweep = {.first = 4, .last = 4000}, .average = true};
  CHECK(HostBytesNeeded(options, 4, /*on_gpu=*/false) == 8000);  // the sum, and the averages
}

TEST_CASE("The report has nccl-tests' columns and closing lines") {
  const CollectiveBenchOptions options{.sweep = {.first = 8, .last = 1 << 20, .factor = 2}};
  CollectiveReport report(options, "gloo", 2);
  CHECK(report.Header({{"one", 12, "cpu:0", 0, "CPU"}, {"two", 34567, "cpu:0", 0, "CPU"}}) ==
        R"(# allreduce over gloo, 2 workers, in-place only: Convoy's call has no other form
# minBytes 8 maxBytes 1048576 step: 2(factor) warmup iters: 5 iters: 20 validation: 1
# time: mean of the iterations, of the worker for which all of them took longest
#
# Using devices
#  Rank  0 Group  0 Pid     12 on        one device  0 [cpu:0] CPU
#  Rank  1 Group  0 Pid  34567 on        two device  0 [cpu:0] CPU
#
#                                                            in-place
#       size         count      type   redop    root     time   algbw   busbw  #wrong
#        (B)    (elements)                               (us)  (GB/s)  (GB/s)
)");
  CHECK(report.Row({.amount = {.bytes = 8, .count = 2}, .seconds = 50e-6, .wrong = 0}) ==
        "           8             2     float     sum      -1    50.00  0.0002  0.0002      0\n");
  CHECK(report.Row({.amount = {.bytes = 1 << 20, .count = 1 << 18}, .seconds = 2e-3, .wrong = 3}) ==
        "     1048576        262144     float     sum      -1   2000.0  0.5243  0.5243      3\n");
  CHECK(report.wrong() == 3);
  CHECK(report.Closing() ==
        "# Out of bounds values : 3 FAILED\n# Avg bus bandwidth    : 0.262224\n#\n");
  const auto rows = nlohmann::json::parse(report.Json());
  REQUIRE(rows.size() == 2);
  CHECK(rows[1]["size"] == 1 << 20);
  CHECK(rows[1]["time_us"].get<double>() == Approx(2000));
  CHECK(rows[1]["busbw_gb_per_s"].get<double>() == Approx(0.524288));
  CHECK(rows[1]["wrong"] == 3);
}

TEST_CASE("JSON's bandwidths of three workers are those worked out by hand") {
  struct Row {
    CollectiveKind kind;
    double busbw;
  };
  // 6 MB in 2 ms are 3 GB/s; nccl-tests' doc/PERFORMANCE.md has the factors.
  for (const Row& row : std::vector<Row>{{CollectiveKind::kAllReduce, 4},
                                         {CollectiveKind::kAllGather, 2},
                                         {CollectiveKind::kReduceScatter, 2},
                                         {CollectiveKind::kAllToAll, 2},
                                         {CollectiveKind::kBroadcast, 3}}) {
    CAPTURE(Name(row.kind));
    CollectiveReport report({.kind = row.kind}, "nccl", 3);
    const std::string line =
        report.Row({.amount = {.bytes = 6'000'000, .count = 1}, .seconds = 2e-3, .wrong = 0});
    CHECK_THAT(line, Catch::Contains("  3.0000  " + std::to_string(int(row.busbw)) + ".0000 "));
    const auto rows = nlohmann::json::parse(report.Json());
    CHECK(rows.at(0).at("algbw_gb_per_s").get<double>() == Approx(3));
    CHECK(rows.at(0).at("busbw_gb_per_s").get<double>() == Approx(row.busbw));
    CHECK(rows.at(0).at("workers") == 3);
  }
}

TEST_CASE("What is not checked is not called right") {
  CollectiveReport report({.kind = CollectiveKind::kBroadcast, .checks = 0, .root = 1}, "nccl", 8);
  CHECK(report.Row({.amount = {.bytes = 1 << 30, .count = 1 << 28}, .seconds = 0.01}) ==
        "  1073741824     268435456     float    none       1    10000  107.37  107.37    N/A\n");
  CHECK_THAT(report.Closing(), Catch::Contains("# Out of bounds values : N/A (not checked)\n"));
  CHECK(nlohmann::json::parse(report.Json())[0]["wrong"].is_null());
}

}  // namespace
}  // namespace convoy
