// How parameters lie in flat buffers: for the buffers and for the kernels that walk over them.
#pragma once

#include <cstdint>

namespace convoy {

/// Parameters start at multiples of this many elements (a cache line of f32), and buckets are as
/// long as a multiple of it.
inline constexpr int64_t kFlatAlignElements = 16;

}  // namespace convoy
