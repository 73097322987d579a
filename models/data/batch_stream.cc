// A range of batches, prepared by a loader thread and dealt to one worker.
#include "models/data/batch_stream.h"

#include <optional>
#include <utility>

#include "core/base/error.h"

namespace convoy {

BatchStream::BatchStream(Worker& worker, int64_t size, Load load)
    : worker_(worker), size_(size), load_(std::move(load)) {}

BatchStream::~BatchStream() { End(); }

BatchStream::Iterator BatchStream::begin() {
  End();
  loader_.reset();  // before a second one shares load_ with it
  const Device device = worker_.device();
  const Device cpu = device.is_cpu() ? device : Device::Cpu();
  loader_ = std::make_unique<Prefetcher<Dealt>>(
      [this, cpu, index = int64_t{0}]() mutable -> std::optional<Dealt> {
        if (index == size_) return std::nullopt;
        return load_(index++, cpu);
      });
  share_before_ = worker_.batch_share();
  ended_ = false;
  Next();
  return Iterator(this);
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
