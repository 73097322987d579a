// A range of batches, prepared by a loader thread and dealt to one shard.
#include "models/data/batch_stream.h"

#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "core/base/error.h"

namespace convoy {

BatchStream::BatchStream(DataShard shard, Device device, std::shared_ptr<const Dataset> dataset,
                         std::unique_ptr<const Sampler> sampler)
    : shard_(shard), device_(device), dataset_(std::move(dataset)), sampler_(std::move(sampler)) {}

BatchStream::Iterator BatchStream::begin() {
  loader_.reset();  // one loader thread at a time
  const Device cpu = device_.is_cpu() ? device_ : Device::Cpu();
  loader_ = std::make_unique<Prefetcher<Batch>>(
      [this, cpu, index = int64_t{0}]() mutable -> std::optional<Batch> {
        if (index == size()) return std::nullopt;
        return Load(index++, cpu);
      });
  ended_ = false;
  Next();
  return Iterator(this);
}

Batch BatchStream::Load(int64_t index, Device cpu) const {
  const std::vector<int64_t> batch = sampler_->Samples(index);
  const int64_t n = static_cast<int64_t>(batch.size());
  const SampleRange mine = PartOf(n, shard_.rank, shard_.size);
  const std::span<const int64_t> all(batch);
  const auto part = mine.size() > 0 ? all.subspan(static_cast<size_t>(mine.begin),
                                                  static_cast<size_t>(mine.size()))
                                    : all.first(1);
  Batch loaded = dataset_->Get(part, cpu);
  loaded.share = static_cast<double>(mine.size()) / static_cast<double>(n);
  return loaded;
}

void BatchStream::Next() {
  current_ = {};  // its memory is free for reuse while the next one is awaited
  const std::optional<Batch> loaded = loader_->Pop();
  ended_ = !loaded;
  if (loaded) current_ = {loaded->inputs.To(device_), loaded->targets.To(device_), loaded->share};
}

void CheckBatchSize(const char* component, int64_t batch_size, int64_t samples,
                    const DataShard& shard) {
  CONVOY_CHECK(shard.rank >= 0 && shard.rank < shard.size, "[{}] there is no part {} of {} parts",
               component, shard.rank, shard.size);
  CONVOY_CHECK(batch_size > 0, "[{}] batch_size must be over 0, got {}", component, batch_size);
  CONVOY_CHECK(
      batch_size >= shard.size,
      "[{}] a global batch of {} cannot be dealt to {} workers; use a larger batch_size or "
      "fewer workers",
      component, batch_size, shard.size);
  CONVOY_CHECK(samples >= batch_size,
               "[{}] the data set has {} samples, fewer than one global batch of {}; use a smaller "
               "batch_size or more data",
               component, samples, batch_size);
}

}  // namespace convoy
