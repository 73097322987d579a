// Uniform and normal values from Philox blocks, many at a time.
#pragma once

#include <cstdint>

#include "core/random_stream.h"

namespace convoy::internal {

/// Values that one call makes: those of 64 blocks.
inline constexpr int64_t kFillBlocks = 64;
inline constexpr int64_t kFillValues = 4 * kFillBlocks;

/// The values of blocks `first_block` .. `first_block + kFillBlocks - 1`, in order: `low` plus
/// `range` times ToUniform of the block's numbers. The same bits on every instruction set.
void FillUniform(const RandomStream& stream, uint64_t first_block, double low, double range,
                 double (&values)[kFillValues]);

/// Normal values by Box-Muller: numbers a, b of a block give the pair
///   mean + stddev * sqrt(-2 ln((a + 1) / 2^32)) * (cos, sin)(2 pi b / 2^32),
/// of which ln, cos and sin are within 2^-52, ln relative to itself. The same bits on every
/// instruction set.
void FillNormal(const RandomStream& stream, uint64_t first_block, double mean, double stddev,
                double (&values)[kFillValues]);

}  // namespace convoy::internal
