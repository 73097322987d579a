// The batches of one epoch, dealt to the workers.
#include "models/data/batches.h"

#include <algorithm>
#include <memory>
#include <numeric>
#include <vector>

#include "core/base/error.h"
#include "core/random.h"

namespace convoy {
namespace {

// The streams of the seed from here on are apart from those of initial values and dropout.
constexpr uint64_t kShuffleStream = uint64_t{1} << 61;

int64_t CountBatches(int64_t samples, const BatchOptions& options, const DataShard& shard) {
  CheckBatchSize("Batches", options.batch_size, samples, shard);
  CONVOY_CHECK(options.epoch >= 0, "[Batches] epochs count from 0, got {}", options.epoch);
  const int64_t rounded = options.drop_last ? samples : samples + options.batch_size - 1;
  const int64_t batches = rounded / options.batch_size;
  CONVOY_CHECK(options.first_batch >= 0 && options.first_batch <= batches,
               "[Batches] first_batch must lie in 0 to {}, the batches of an epoch, got {}",
               batches, options.first_batch);
  return batches - options.first_batch;
}

/// The order in which an epoch goes through `samples` samples.
std::vector<int64_t> EpochOrder(int64_t samples, const BatchOptions& options) {
  if (options.shuffle) {
    return Random(options.seed, kShuffleStream + static_cast<uint64_t>(options.epoch))
        .Permutation(samples);
  }
  std::vector<int64_t> order(static_cast<size_t>(samples));
  std::iota(order.begin(), order.end(), int64_t{0});
  return order;
}

/// Cuts the order of an epoch into batches.
class EpochSampler final : public Sampler {
 public:
  EpochSampler(int64_t samples, const BatchOptions& options, const DataShard& shard)
      : batches_(CountBatches(samples, options, shard)),
        first_(options.first_batch),
        batch_size_(options.batch_size),
        order_(EpochOrder(samples, options)) {}

  int64_t size() const override { return batches_; }

  std::vector<int64_t> Samples(int64_t index) const override {
    const auto begin = order_.begin() + (first_ + index) * batch_size_;
    return {begin, begin + std::min<int64_t>(batch_size_, order_.end() - begin)};
  }

 private:
  const int64_t batches_, first_, batch_size_;
  const std::vector<int64_t> order_;
};

}  // namespace

Batches::Batches(const Dataset& dataset, const Worker& worker, const BatchOptions& options)
    : BatchStream(
          ShardOf(worker, options.shard), worker.device(),
          {std::shared_ptr<void>(), &dataset},  // which the range does not own
          std::make_unique<EpochSampler>(dataset.size(), options, ShardOf(worker, options.shard))) {
}

}  // namespace convoy
