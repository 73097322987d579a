// A range of batches, prepared by a loader thread and dealt to one worker.
#include "models/data/batch_stream.h"

#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "core/base/error.h"

namespace convoy {

BatchStream::BatchStream(Worker& worker, std::shared_ptr<const Dataset> dataset,
                         std::unique_ptr<const Sampler> sampler)
    : worker_(worker),
      rank_(worker.rank()),
      world_size_(worker.world_size()),
      dataset_(std::move(dataset)),
      sampler_(std::move(sampler)) {}

BatchStream::~BatchStream() { End(); }

BatchStream::Iterator BatchStream::begin() {
  End();
  loader_.reset();  // one loader thread at a time
  const Device device = worker_.device();
  const Device cpu = device.is_cpu() ? device : Device::Cpu();
  loader_ = std::make_unique<Prefetcher<Dealt>>(
      [this, cpu, index = int64_t{0}]() mutable -> std::optional<Dealt> {
        if (index == size()) return std::nullopt;
        return Load(index++, cpu);
      });
  share_before_ = worker_.batch_share();
  ended_ = false;
  Next();
  return Iterator(this);
}

BatchStream::Dealt BatchStream::Load(int64_t index, Device cpu) const {
  const std::vector<int64_t> batch = sampler_->Samples(index);
  const int64_t n = static_cast<int64_t>(batch.size());
  const Share mine = ShareOf(n, rank_, world_size_);
  const std::span<const int64_t> all(batch);
  const auto part = mine.size() > 0 ? all.subspan(static_cast<size_t>(mine.begin),
                                                  static_cast<size_t>(mine.size()))
                                    : all.first(1);
  return {dataset_->Get(part, cpu), static_cast<double>(mine.size()) / static_cast<double>(n)};
}

void BatchStream::Next() {
  current_ = {};  // its memory is free for reuse while the next one is awaited
  std::optional<Dealt> dealt = loader_->Pop();
  if (!dealt) return End();
  worker_.set_batch_share(dealt->share);
  current_ = {dealt->batch.inputs.To(worker_.device()), dealt->batch.targets.To(worker_.device())};
}

void BatchStream::End() {
  if (!ended_) worker_.set_batch_share(share_before_);
  ended_ = true;
}

void CheckBatchSize(const char* component, int64_t batch_size, int64_t samples, int world_size) {
  CONVOY_CHECK(batch_size > 0, "[{}] batch_size must be over 0, got {}", component, batch_size);
  CONVOY_CHECK(
      batch_size >= world_size,
      "[{}] a global batch of {} cannot be dealt to {} workers; use a larger batch_size or "
      "fewer workers",
      component, batch_size, world_size);
  CONVOY_CHECK(samples >= batch_size,
               "[{}] the data set has {} samples, fewer than one global batch of {}; use a smaller "
               "batch_size or more data",
               component, samples, batch_size);
}

}  // namespace convoy
