// A range of batches, prepared by a loader thread and dealt to one worker.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <iterator>
#include <memory>

#include "models/data/dataset.h"
#include "models/data/prefetch.h"
#include "parallel/group/worker.h"

namespace convoy {

/// A worker's part of a global batch: `for (auto [inputs, targets] : stream)`.
struct Batch {
  Tensor inputs;
  Tensor targets;
};

/// What Batches and TextBatches have in common. Tensors come on the worker's device. The worker's
/// batch_share is set at the moment a batch is handed out, and is what it was before when the range
/// ends: an evaluation within a training step does not disturb that step's weight. Each begin()
/// starts over.
class BatchStream {
 public:
  /// Samples of this worker and of the global batch are counted in the data set's samples.
  struct Dealt {
    Batch batch;       ///< on `cpu`
    double share = 1;  ///< of the global batch
  };
  /// Makes batch `index` on device `cpu`; called by the loader thread.
  using Load = std::function<Dealt(int64_t index, Device cpu)>;

  BatchStream(Worker& worker, int64_t size, Load load);
  ~BatchStream();
  BatchStream(const BatchStream&) = delete;
  BatchStream& operator=(const BatchStream&) = delete;

  /// Batches in the range: steps per epoch.
  int64_t size() const { return size_; }

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
  void Next();
  void End();

  Worker& worker_;
  const int64_t size_;
  const Load load_;
  Batch current_;
  bool ended_ = true;
  double share_before_ = 0;  // while not ended_
  std::unique_ptr<Prefetcher<Dealt>> loader_;
};

/// Throws: Error starting with `[component]` unless every worker gets a sample of each global batch
/// and each batch fits in the data set.
void CheckBatchSize(const char* component, int64_t batch_size, int64_t samples, int world_size);

}  // namespace convoy
