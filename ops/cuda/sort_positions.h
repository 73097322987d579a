// The positions of a list of indices, sorted by what they hold: for sums by index without atomics.
#pragma once

#include "core/view.h"
#include "core/workspace.h"

namespace convoy::cuda {

/// Two i32 lists as long as `indices`: the indices in rising order, and where each one stood; equal
/// ones in the order of their positions. Those outside [0, bound) count as `bound`.
struct SortedPositions {
  Workspace keys;
  Workspace positions;
};

/// Throws: Error if there are 2^31 indices or more.
SortedPositions SortPositions(const View& indices, int64_t bound);

}  // namespace convoy::cuda
