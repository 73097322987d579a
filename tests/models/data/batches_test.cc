// How the batches of an epoch are dealt to workers.
#include "models/data/batches.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <numeric>

#include "core/base/error.h"
#include "models/data/micro_batch.h"
#include "tests/models/data/fake_worker.h"

namespace convoy {
namespace {

// Sample i is the vector (i, 10 i) with target i: also an example of a user's data set.
class Numbers : public Dataset {
 public:
  explicit Numbers(int64_t size) : size_(size) {}
  int64_t size() const override { return size_; }
  Batch Get(std::span<const int64_t> indices, Device device) const override {
    const int64_t n = static_cast<int64_t>(indices.size());
    const Tensor x = Tensor::Empty({n, 2}, {DType::kF32, device});
    const Tensor y = Tensor::Empty({n}, {DType::kI32, device});
    for (int64_t i = 0; i < n; ++i) {
      const int64_t index = indices[static_cast<size_t>(i)];
      CONVOY_CHECK(index != fails_at, "[Numbers] sample {} is broken", index);
      x.data<float>()[2 * i] = static_cast<float>(index);
      x.data<float>()[2 * i + 1] = static_cast<float>(10 * index);
      y.data<int32_t>()[i] = static_cast<int32_t>(index);
    }
    return {x, y};
  }

  int64_t fails_at = -1;

 private:
  int64_t size_;
};

// Targets of every batch of an epoch, as one worker sees them.
std::vector<std::vector<int32_t>> Deal(const Numbers& data, Worker& worker,
                                       const BatchOptions& options) {
  std::vector<std::vector<int32_t>> batches;
  for (auto [x, y, share] : Batches(data, worker, options)) {
    REQUIRE(x.shape() == Shape{y.dim(0), 2});
    REQUIRE(x.device() == worker.device());
    batches.push_back(y.ToVector<int32_t>());
    REQUIRE(x.ToVector<float>()[1] == 10.0f * static_cast<float>(batches.back()[0]));
  }
  return batches;
}

TEST_CASE("An epoch deals every sample once, in an order of its own") {
  const Numbers data(103);
  FakeWorker alone;
  std::vector<std::vector<int32_t>> orders;
  for (const int64_t epoch : {0, 1}) {
    std::vector<int32_t> seen;
    for (const auto& batch : Deal(data, alone.worker, {.batch_size = 10, .epoch = epoch})) {
      seen.insert(seen.end(), batch.begin(), batch.end());
    }
    orders.push_back(seen);
    std::sort(seen.begin(), seen.end());
    std::vector<int32_t> all(103);
    std::iota(all.begin(), all.end(), 0);
    REQUIRE(seen == all);
  }
  REQUIRE(orders[0] != orders[1]);
  const auto again = Deal(data, alone.worker, {.batch_size = 10, .epoch = 1});
  REQUIRE(std::equal(again[0].begin(), again[0].end(), orders[1].begin()));
  REQUIRE(Deal(data, alone.worker, {.batch_size = 10, .seed = 1})[0] != again[0]);
}

TEST_CASE("Shares of any number of workers make up the batch of one") {
  const Numbers data(47);
  const BatchOptions options = {.batch_size = 10, .epoch = 3, .seed = 5};
  FakeWorker alone;
  const auto whole = Deal(data, alone.worker, options);
  REQUIRE(whole.size() == 5);
  for (const int workers : {2, 3, 4, 7}) {
    CAPTURE(workers);
    std::vector<std::vector<int32_t>> joined(whole.size());
    for (int rank = 0; rank < workers; ++rank) {
      FakeWorker one(rank, workers, Device::Cpu(rank));
      const auto part = Deal(data, one.worker, options);
      for (size_t b = 0; b < part.size(); ++b) {
        joined[b].insert(joined[b].end(), part[b].begin(), part[b].end());
      }
    }
    REQUIRE(joined == whole);
  }
}

TEST_CASE("A batch knows its share, which weighs an uneven one exactly") {
  const Numbers data(13);
  double total = 0;
  for (int rank = 0; rank < 3; ++rank) {
    FakeWorker one(rank, 3);
    std::vector<double> shares;
    for (const Batch& batch : Batches(data, one.worker, {.batch_size = 8, .shuffle = false})) {
      const double n = shares.empty() ? 8 : 5;
      shares.push_back(batch.share);
      REQUIRE(shares.back() == static_cast<double>(batch.targets.dim(0)) / n);
    }
    REQUIRE(shares.size() == 2);
    total += shares[1];
  }
  REQUIRE(total == Approx(1));
}

TEST_CASE("Two streams of batches in one loop keep their shares apart") {
  const Numbers many(13), few(5);
  FakeWorker one(0, 3);
  Batches outer(many, one.worker, {.batch_size = 8, .shuffle = false});
  Batches inner(few, one.worker, {.batch_size = 5, .shuffle = false});
  auto a = outer.begin();
  auto b = inner.begin();
  REQUIRE((*a).share == 2.0 / 8);
  REQUIRE((*b).share == 1.0 / 5);
  ++b;
  REQUIRE(b == inner.end());
  REQUIRE((*a).share == 2.0 / 8);
}

TEST_CASE("Workers that compute one part together get the same batches") {
  const Numbers data(47);
  const BatchOptions whole = {.batch_size = 10, .seed = 5};
  FakeWorker alone;
  for (int rank = 0; rank < 4; ++rank) {  // two data shards of two workers each
    FakeWorker one(rank, 4, Device::Cpu(rank));
    FakeWorker half(rank / 2, 2, Device::Cpu(rank));
    BatchOptions options = whole;
    options.shard = DataShard{rank / 2, 2};
    REQUIRE(Deal(data, one.worker, options) == Deal(data, half.worker, whole));
  }
  BatchOptions wrong = whole;
  wrong.shard = DataShard{2, 2};
  REQUIRE_THROWS_WITH(Deal(data, alone.worker, wrong), "[Batches] there is no part 2 of 2 parts");
}

TEST_CASE("Micro-batches make up the batch, with its share") {
  const Numbers data(13);
  FakeWorker one(1, 2);
  for (const Batch& batch : Batches(data, one.worker, {.batch_size = 13, .shuffle = false})) {
    for (const int count : {1, 2, 3, 7, 20}) {
      CAPTURE(count);
      std::vector<int32_t> joined;
      double share = 0;
      for (int m = 0; m < count; ++m) {
        const Batch part = MicroBatch(batch, m, count);
        REQUIRE(part.inputs.dim(0) == part.targets.dim(0));
        REQUIRE(part.share == Approx(batch.share * static_cast<double>(part.targets.dim(0)) / 7));
        share += part.share;
        for (const int32_t y : part.targets.ToVector<int32_t>()) joined.push_back(y);
      }
      REQUIRE(joined == batch.targets.ToVector<int32_t>());
      REQUIRE(share == Approx(batch.share));
    }
    REQUIRE_THROWS_WITH(MicroBatch(batch, 3, 3), "[MicroBatch] 3 is not one of 3");
  }
}

TEST_CASE("A worker without a sample in a short last batch computes one that does not count") {
  const Numbers data(9);
  std::vector<std::vector<int32_t>> last;
  std::vector<double> shares;
  for (int rank = 0; rank < 4; ++rank) {
    FakeWorker one(rank, 4);
    for (const Batch& batch : Batches(data, one.worker, {.batch_size = 8, .shuffle = false})) {
      if (batch.targets.ToVector<int32_t>()[0] != 8) continue;
      last.push_back(batch.targets.ToVector<int32_t>());
      shares.push_back(batch.share);
    }
  }
  REQUIRE(last == std::vector<std::vector<int32_t>>(4, {8}));
  REQUIRE(shares == std::vector<double>{0, 0, 0, 1});
}

TEST_CASE("Without shuffling the order is the data set's; drop_last leaves out the rest") {
  const Numbers data(7);
  FakeWorker alone;
  REQUIRE(Deal(data, alone.worker, {.batch_size = 3, .shuffle = false}) ==
          std::vector<std::vector<int32_t>>{{0, 1, 2}, {3, 4, 5}, {6}});
  REQUIRE(Deal(data, alone.worker, {.batch_size = 3, .shuffle = false, .drop_last = true}) ==
          std::vector<std::vector<int32_t>>{{0, 1, 2}, {3, 4, 5}});
  REQUIRE(Batches(data, alone.worker, {.batch_size = 3}).size() == 3);
  REQUIRE(Deal(data, alone.worker, {.batch_size = 7}).size() == 1);
}

TEST_CASE("A range can be walked again, left early, or not at all") {
  const Numbers data(100);
  FakeWorker alone;
  Batches batches(data, alone.worker, {.batch_size = 10});
  int count = 0;
  for ([[maybe_unused]] const Batch& batch : batches) {
    if (++count == 3) break;
  }
  for ([[maybe_unused]] const Batch& batch : batches) ++count;
  REQUIRE(count == 13);
}

TEST_CASE("An epoch can be gone on with in its middle") {
  const Numbers data(103);
  FakeWorker alone, second(1, 2);
  for (Worker* worker : {&alone.worker, &second.worker}) {
    const auto whole = Deal(data, *worker, {.batch_size = 10, .epoch = 3});
    const auto rest = Deal(data, *worker, {.batch_size = 10, .epoch = 3, .first_batch = 4});
    REQUIRE(rest == std::vector(whole.begin() + 4, whole.end()));
  }
  REQUIRE(Batches(data, alone.worker, {.batch_size = 10, .first_batch = 4}).size() == 7);
  REQUIRE(Deal(data, alone.worker, {.batch_size = 10, .first_batch = 11}).empty());
  REQUIRE_THROWS_WITH(Batches(data, alone.worker, {.batch_size = 10, .first_batch = 12}),
                      "[Batches] first_batch must lie in 0 to 11, the batches of an epoch, got 12");
}

TEST_CASE("What a data set throws on the loader thread arrives in the loop") {
  Numbers data(10);
  data.fails_at = 5;
  FakeWorker alone;
  int batches = 0;
  const auto walk = [&] {
    for ([[maybe_unused]] const Batch& batch :
         Batches(data, alone.worker, {.batch_size = 2, .shuffle = false})) {
      ++batches;
    }
  };
  REQUIRE_THROWS_WITH(walk(), "[Numbers] sample 5 is broken");
  REQUIRE(batches == 2);
}

TEST_CASE("Batches refuses sizes that do not fit") {
  const Numbers data(100);
  FakeWorker one(0, 4);
  REQUIRE_THROWS_WITH(Batches(data, one.worker, {.batch_size = 128}),
                      "[Batches] the data set has 100 samples, fewer than one global batch of 128; "
                      "use a smaller batch_size or more data");
  REQUIRE_THROWS_WITH(Batches(data, one.worker, {.batch_size = 3}),
                      "[Batches] a global batch of 3 cannot be dealt to 4 workers; use a larger "
                      "batch_size or fewer workers");
  REQUIRE_THROWS_WITH(Batches(data, one.worker, {.batch_size = 0}),
                      "[Batches] batch_size must be over 0, got 0");
  REQUIRE_THROWS_WITH(Batches(data, one.worker, {.epoch = -1}),
                      "[Batches] epochs count from 0, got -1");
}

}  // namespace
}  // namespace convoy
