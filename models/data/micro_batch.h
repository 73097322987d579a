// A batch in parts, for accumulating gradients.
#pragma once

#include <cstdint>

#include "parallel/batch.h"

namespace convoy {

/// Micro-batch `index` of `count`: contiguous rows of the batch, with their part of its share. The
/// sizes of two differ by one at most. Views, not copies. Targets have one row, or a fixed number
/// of rows, for each row of the inputs. Where there are fewer rows than micro-batches, some are
/// empty and have share 0.
///
///     for (int m = 0; m < 4; ++m) {
///       const Batch part = MicroBatch(batch, m, 4);
///       net.Backward(Loss(part), part, {.micro_batch = m, .micro_batches = 4});
///     }
///
/// Throws: Error unless 0 <= index < count.
Batch MicroBatch(const Batch& batch, int64_t index, int64_t count);

}  // namespace convoy
