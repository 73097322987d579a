// A batch in parts, for accumulating gradients.
#include "models/data/micro_batch.h"

#include "core/base/error.h"
#include "models/data/dataset.h"

namespace convoy {
namespace {

// Rows [begin, end) of a tensor.
Tensor Rows(const Tensor& x, int64_t begin, int64_t end) {
  return x.View(x.shape().With(0, end - begin), begin * x.shape().Product(1, x.ndim()));
}

}  // namespace

Batch MicroBatch(const Batch& batch, int64_t index, int64_t count) {
  CONVOY_CHECK(index >= 0 && index < count, "[MicroBatch] {} is not one of {}", index, count);
  const int64_t rows = batch.inputs.dim(0);
  if (count == 1) return batch;
  if (rows == 0) return {batch.inputs, batch.targets, 0};
  const SampleRange part = PartOf(rows, index, count);
  const int64_t per_row = batch.targets.dim(0) / rows;  // a text has a target for every token
  return {Rows(batch.inputs, part.begin, part.end),
          Rows(batch.targets, part.begin * per_row, part.end * per_row),
          batch.share * static_cast<double>(part.size()) / static_cast<double>(rows)};
}

}  // namespace convoy
