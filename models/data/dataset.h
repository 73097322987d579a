// What a data set is, and the share of a batch that a worker gets.
#pragma once

#include <cstdint>
#include <span>

#include "core/tensor.h"
#include "parallel/batch.h"

namespace convoy {

/// Which part of a data set that comes in two.
enum class DataSplit : uint8_t { kTrain, kTest };

/// Samples that can be fetched by number. To use your own data, derive from it.
class Dataset {
 public:
  virtual ~Dataset() = default;

  /// Samples are numbered from 0 to size() - 1.
  virtual int64_t size() const = 0;

  /// Makes the inputs and targets of these samples (share 1), in this order, on `device`, which is
  /// always a CPU. A loader thread calls it while the worker computes. It must therefore be safe to
  /// call from several threads, call no op, and write elements through
  /// Tensor::Empty(...).data<T>().
  virtual Batch Get(std::span<const int64_t> indices, Device device) const = 0;

 protected:
  Dataset() = default;
  Dataset(const Dataset&) = default;
  Dataset& operator=(const Dataset&) = default;
};

/// A half-open range of the samples of a batch.
struct SampleRange {
  int64_t begin = 0;
  int64_t end = 0;
  int64_t size() const { return end - begin; }
};

/// Part `index` of `n` samples that are cut into `count` contiguous parts, whose sizes differ by
/// one at most: how a global batch is dealt to data shards, and a shard's part to micro-batches.
inline SampleRange PartOf(int64_t n, int64_t index, int64_t count) {
  return {n * index / count, n * (index + 1) / count};
}

}  // namespace convoy
