// The batches of one epoch, dealt to the workers.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "models/data/batch_stream.h"
#include "models/data/dataset.h"

namespace convoy {

struct BatchOptions {
  int64_t batch_size = 32;  ///< global: samples per step over all workers
  int64_t epoch = 0;        ///< each has an order of its own
  int64_t first_batch = 0;  ///< to go on in the middle of an epoch: batches before it are left out
  uint64_t seed = 0;
  bool shuffle = true;     ///< else in the order of the data set
  bool drop_last = false;  ///< leave out a last batch that is not full
};

/// One epoch of a data set:
///
///     for (auto [images, labels] : Batches(train, worker, {.batch_size = 128, .epoch = epoch}))
///
/// One permutation of the whole data set, the same for any number of workers, is cut into global
/// batches; of a batch of n samples, worker r of N gets the contiguous part [n*r/N, n*(r+1)/N), and
/// its batch_share is that part's size over n. (If a short last batch has fewer samples than there
/// are workers, those without one compute the batch's first sample, with share 0.)
/// The data set must outlive the range.
class Batches : public BatchStream {
 public:
  /// Throws: Error if the data set is smaller than a global batch, or that than the workers; or if
  /// the epoch has fewer than first_batch batches.
  template <Dataset D>
  Batches(const D& dataset, Worker& worker, const BatchOptions& options)
      : Batches([&dataset](std::span<const int64_t> indices,
                           Device device) { return dataset.Get(indices, device); },
                static_cast<int64_t>(dataset.size()), worker, options) {}
  template <Dataset D>
  Batches(const D&& dataset, Worker& worker, const BatchOptions& options) = delete;

 private:
  using Get = std::function<std::pair<Tensor, Tensor>(std::span<const int64_t>, Device)>;

  Batches(Get get, int64_t samples, Worker& worker, const BatchOptions& options);
};

/// The order in which an epoch goes through `samples` samples.
std::vector<int64_t> EpochOrder(int64_t samples, const BatchOptions& options);

}  // namespace convoy
