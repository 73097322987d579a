// The batches of one epoch, dealt to the workers.
#include "models/data/batches.h"

#include <algorithm>
#include <numeric>

#include "core/base/error.h"
#include "core/random.h"

namespace convoy {
namespace {

// Streams of the seed that no model's initialisation or dropout comes near.
constexpr uint64_t kShuffleStream = uint64_t{1} << 61;

int64_t CountBatches(int64_t samples, const BatchOptions& options, const Worker& worker) {
  CheckBatchSize("Batches", options.batch_size, samples, worker.world_size());
  CONVOY_CHECK(options.epoch >= 0, "[Batches] epochs count from 0, got {}", options.epoch);
  const int64_t rounded = options.drop_last ? samples : samples + options.batch_size - 1;
  const int64_t batches = rounded / options.batch_size;
  CONVOY_CHECK(options.first_batch >= 0 && options.first_batch <= batches,
               "[Batches] first_batch must lie in 0 to {}, the batches of an epoch, got {}",
               batches, options.first_batch);
  return batches - options.first_batch;
}

}  // namespace

std::vector<int64_t> EpochOrder(int64_t samples, const BatchOptions& options) {
  if (options.shuffle) {
    return Random(options.seed, kShuffleStream + static_cast<uint64_t>(options.epoch))
        .Permutation(samples);
  }
  std::vector<int64_t> order(static_cast<size_t>(samples));
  std::iota(order.begin(), order.end(), int64_t{0});
  return order;
}

Batches::Batches(Get get, int64_t samples, Worker& worker, const BatchOptions& options)
    : BatchStream(
          worker, CountBatches(samples, options, worker),
          [get = std::move(get), order = EpochOrder(samples, options), first = options.first_batch,
           batch_size = options.batch_size, rank = worker.rank(),
           world_size = worker.world_size()](int64_t index, Device cpu) -> Dealt {
            std::span<const int64_t> batch(order);
            batch = batch.subspan(static_cast<size_t>((first + index) * batch_size));
            batch = batch.first(std::min(batch.size(), static_cast<size_t>(batch_size)));
            const int64_t n = static_cast<int64_t>(batch.size());
            const Share mine = ShareOf(n, rank, world_size);
            const auto indices = mine.size() > 0 ? batch.subspan(static_cast<size_t>(mine.begin),
                                                                 static_cast<size_t>(mine.size()))
                                                 : batch.first(1);
            auto [inputs, targets] = get(indices, cpu);
            return {{std::move(inputs), std::move(targets)},
                    static_cast<double>(mine.size()) / static_cast<double>(n)};
          }) {}

}  // namespace convoy
