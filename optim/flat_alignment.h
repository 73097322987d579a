// How parameters lie in flat buffers: for the buffers and for the kernels that walk over them.
#pragma once

#include <cstdint>

namespace convoy {

/// Parameters start at multiples of this many elements, and buckets and their owned ranges are as
/// long as a multiple of it. So a block of as many elements belongs to one parameter and to one
/// worker, and sums over blocks are the same for every number of workers.
inline constexpr int64_t kFlatAlignElements = 256;

}  // namespace convoy
