// Windows of a text for language models: at random places, and one after the other.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "models/data/batch_stream.h"
#include "models/data/dataset.h"

namespace convoy {

/// Windows of a text as a data set: consecutive ones that do not overlap, for evaluation, or with a
/// stride of your own. A last window that is not full is left out.
///
/// Shape: inputs (B, T), targets (B * T): for each token of the inputs the one after it, ready for
///        CrossEntropy over logits reshaped to (B * T, V).  DType: i32.
class TextWindows : public Dataset {
 public:
  /// `tokens` must outlive it; a window has block_size tokens (T), and starts `stride` tokens after
  /// the one before it. Throws: Error if the text is not longer than a window, or unless stride is
  /// over 0.
  TextWindows(std::span<const int32_t> tokens, int64_t block_size, int64_t stride);
  /// Windows that do not overlap: the stride is block_size.
  TextWindows(std::span<const int32_t> tokens, int64_t block_size);

  int64_t size() const override;
  Batch Get(std::span<const int64_t> indices, Device device) const override;

 private:
  std::span<const int32_t> tokens_;
  int64_t block_size_, stride_;
};

struct TextBatchOptions {
  int64_t batch_size = 12;  ///< global: windows per step over all workers
  int64_t block_size = 64;  ///< T, tokens per window
  int64_t first_step = 0;   ///< number of the first step, to go on with an interrupted run
  int64_t steps = 1;        ///< batches in the range
  uint64_t seed = 0;
  /// Which part of every batch this worker gets; none: each worker has a part of its own.
  std::optional<DataShard> shard;
};

/// Windows at random places, for training: `for (const auto& batch : TextBatches(text.train(),
/// ...))`. Which windows a step gets depends on seed and step only; they are dealt to the workers
/// as BatchStream says. Shapes and dtypes are those of TextWindows.
class TextBatches : public BatchStream {
 public:
  /// `tokens` must outlive the range.
  /// Throws: Error if the text is not longer than a window, or on a batch of fewer windows than
  /// there are workers.
  TextBatches(std::span<const int32_t> tokens, const Worker& worker,
              const TextBatchOptions& options);

 private:
  TextBatches(const std::shared_ptr<const TextWindows>& windows, const Worker& worker,
              const TextBatchOptions& options);
};

}  // namespace convoy
