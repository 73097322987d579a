// Counter-based random numbers: Philox4x32-10 (Salmon et al., "Parallel Random Numbers: As Easy as
// 1, 2, 3", SC 2011). A number depends on seed, stream and index only, never on thread or device.
#pragma once

#include <array>
#include <cstdint>

#include "core/host_device.h"

namespace convoy {

/// Where a source of streams stands when a recorded graph is replayed, in device memory: what was
/// stream n of another seed when the graph was recorded is stream n + shift of this one.
struct RandomPosition {
  uint64_t seed = 0;
  uint64_t shift = 0;
};

/// One sequence of 2^64 blocks of four 32-bit numbers.
///
/// A kernel takes it by value, reads `const RandomStream random = stream.OnDevice();` once per
/// thread, and draws with `random.Block(i)`, the very numbers that the host gets.
struct RandomStream {
  static constexpr int kRounds = 10;
  static constexpr uint32_t kMultiplier0 = 0xD2511F53, kMultiplier1 = 0xCD9E8D57;
  static constexpr uint32_t kKeyStep0 = 0x9E3779B9, kKeyStep1 = 0xBB67AE85;

  uint64_t seed = 0;
  uint64_t stream = 0;
  /// Null, unless the stream was dealt while a graph was recorded. For OnDevice only.
  const RandomPosition* position = nullptr;

  /// The stream to draw from in the replay that is running; itself outside graphs. Device code, or
  /// a host on which there are no graphs.
  CONVOY_HOST_DEVICE RandomStream OnDevice() const {
    if (position == nullptr) return *this;
    return {position->seed, stream + position->shift, nullptr};
  }

  /// Block `index`: numbers 4*index .. 4*index+3 of the sequence.
  CONVOY_HOST_DEVICE std::array<uint32_t, 4> Block(uint64_t index) const {
    uint32_t c0 = static_cast<uint32_t>(index), c1 = static_cast<uint32_t>(index >> 32);
    uint32_t c2 = static_cast<uint32_t>(stream), c3 = static_cast<uint32_t>(stream >> 32);
    uint32_t k0 = static_cast<uint32_t>(seed), k1 = static_cast<uint32_t>(seed >> 32);
    for (int round = 0; round < kRounds; ++round) {
      const uint64_t p0 = uint64_t{kMultiplier0} * c0;
      const uint64_t p1 = uint64_t{kMultiplier1} * c2;
      c0 = static_cast<uint32_t>(p1 >> 32) ^ c1 ^ k0;
      c1 = static_cast<uint32_t>(p1);
      c2 = static_cast<uint32_t>(p0 >> 32) ^ c3 ^ k1;
      c3 = static_cast<uint32_t>(p0);
      k0 += kKeyStep0;
      k1 += kKeyStep1;
    }
    return {c0, c1, c2, c3};
  }
};

/// A uniform f32 in [0, 1) from 32 random bits: the upper 24 of them.
CONVOY_HOST_DEVICE inline float ToUniform(uint32_t bits) {
  return static_cast<float>(bits >> 8) * 0x1p-24f;
}

}  // namespace convoy
