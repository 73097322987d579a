// Kernel slots of the ops that move elements.
#pragma once

#include <vector>

#include "core/view.h"
#include "ops/kernel.h"

namespace convoy {

/// The part [begin, end) of dimension 1 of a tensor seen as (outer, extent, inner).
struct SliceRange {
  int64_t outer = 1;
  int64_t extent = 0;
  int64_t inner = 1;
  int64_t begin = 0;
  int64_t end = 0;
};

/// What becomes of the whole when a part is put into it.
enum class PutMode {
  kCopy,          ///< the part is overwritten, the rest kept
  kCopyZeroRest,  ///< the part is overwritten, the rest becomes 0
  kAdd,           ///< the part is added to (floating dtypes), the rest kept
};

/// part (+)= whole[:, begin:end]. Accumulates for floating dtypes only.
inline constinit Kernel<void(const View& whole, const SliceRange& range, const GradTarget& part)>
    take_slice{"Slice"};
/// whole[:, begin:end] = or += part.
inline constinit Kernel<void(const View& part, const SliceRange& range, PutMode mode,
                             const View& whole)>
    put_slice{"Slice"};

/// Dimension i of y is dimension axes[i] (not negative) of x.
inline constinit Kernel<void(const View& x, const std::vector<int>& axes, const View& y)> permute{
    "Permute"};

}  // namespace convoy
