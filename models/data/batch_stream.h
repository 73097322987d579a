// A range of batches, prepared by a loader thread and dealt to one shard.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>

#include "models/data/dataset.h"
#include "models/data/prefetch.h"
#include "models/data/sampler.h"

namespace convoy {

/// The batches that a sampler chooses from a data set: `for (const auto& batch : stream)`. Of a
/// global batch of n samples, shard r of N gets the contiguous part [n*r/N, n*(r+1)/N), on the
/// given device. If a batch has fewer samples than there are shards, those without one get the
/// batch's first sample, with share 0. Each begin() starts over.
class BatchStream {
 public:
  BatchStream(DataShard shard, Device device, std::shared_ptr<const Dataset> dataset,
              std::unique_ptr<const Sampler> sampler);
  BatchStream(const BatchStream&) = delete;
  BatchStream& operator=(const BatchStream&) = delete;

  /// Batches in the range: steps per epoch.
  int64_t size() const { return sampler_->size(); }

  class Iterator {
   public:
    using value_type = Batch;
    using difference_type = ptrdiff_t;

    explicit Iterator(BatchStream* stream) : stream_(stream) {}
    const Batch& operator*() const { return stream_->current_; }
    Iterator& operator++() {
      stream_->Next();
      return *this;
    }
    void operator++(int) { stream_->Next(); }
    bool operator==(std::default_sentinel_t) const { return stream_->ended_; }

   private:
    BatchStream* stream_;
  };

  Iterator begin();
  std::default_sentinel_t end() const { return {}; }

 private:
  /// This shard's part of global batch `index`, on a CPU. Called by the loader thread.
  Batch Load(int64_t index, Device cpu) const;
  void Next();

  const DataShard shard_;
  const Device device_;
  const std::shared_ptr<const Dataset> dataset_;
  const std::unique_ptr<const Sampler> sampler_;
  Batch current_;
  bool ended_ = true;
  std::unique_ptr<Prefetcher<Batch>> loader_;
};

/// Throws: Error starting with `[component]` unless every shard gets a sample of each global batch
/// and each batch fits in the data set.
void CheckBatchSize(const char* component, int64_t batch_size, int64_t samples,
                    const DataShard& shard);

}  // namespace convoy
