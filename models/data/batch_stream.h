// A range of batches, prepared by a loader thread and dealt to one worker.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>

#include "models/data/dataset.h"
#include "models/data/prefetch.h"
#include "models/data/sampler.h"
#include "parallel/group/worker.h"

namespace convoy {

/// The batches that a sampler chooses from a data set: `for (const auto& batch : stream)`. Of a
/// global batch of n samples, worker r of N gets the contiguous part [n*r/N, n*(r+1)/N), on its own
/// device. If a batch has fewer samples than there are workers, those without one compute the
/// batch's first sample, with share 0.
///
/// The worker's batch_share is set at the moment when a batch is handed out, and is what it was
/// before when the range ends: an evaluation within a training step does not disturb that step's
/// weight. Each begin() starts over.
class BatchStream {
 public:
  BatchStream(Worker& worker, std::shared_ptr<const Dataset> dataset,
              std::unique_ptr<const Sampler> sampler);
  ~BatchStream();
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
  struct Dealt {
    Batch batch;       // on a CPU
    double share = 1;  // of the global batch, in samples
  };

  /// This worker's part of global batch `index`. Called by the loader thread.
  Dealt Load(int64_t index, Device cpu) const;
  void Next();
  void End();

  Worker& worker_;
  const int rank_, world_size_;
  const std::shared_ptr<const Dataset> dataset_;
  const std::unique_ptr<const Sampler> sampler_;
  Batch current_;
  bool ended_ = true;
  double share_before_ = 0;  // while not ended_
  std::unique_ptr<Prefetcher<Dealt>> loader_;
};

/// Throws: Error starting with `[component]` unless every worker gets a sample of each global batch
/// and each batch fits in the data set.
void CheckBatchSize(const char* component, int64_t batch_size, int64_t samples, int world_size);

}  // namespace convoy
