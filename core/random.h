// Counter-based random numbers: Philox4x32-10 (Salmon et al., "Parallel Random Numbers: As Easy as
// 1, 2, 3", SC 2011). A number depends on seed, stream and index only, never on thread or device.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "core/host_device.h"
#include "core/tensor.h"

namespace convoy {

/// One sequence of 2^64 blocks of four 32-bit numbers.
struct RandomStream {
  uint64_t seed = 0;
  uint64_t stream = 0;
  /// In a step recorded for replay: where in the device's memory seed and stream of the present
  /// replay stand, in place of the two above (core/recorded_streams.h).
  const uint64_t* place = nullptr;

  /// Block `index`: numbers 4*index .. 4*index+3 of the sequence.
  CONVOY_HOST_DEVICE std::array<uint32_t, 4> Block(uint64_t index) const {
    const uint64_t key = place == nullptr ? seed : place[0];
    const uint64_t number = place == nullptr ? stream : place[1];
    uint32_t c0 = static_cast<uint32_t>(index), c1 = static_cast<uint32_t>(index >> 32);
    uint32_t c2 = static_cast<uint32_t>(number), c3 = static_cast<uint32_t>(number >> 32);
    uint32_t k0 = static_cast<uint32_t>(key), k1 = static_cast<uint32_t>(key >> 32);
    for (int round = 0; round < 10; ++round) {
      const uint64_t p0 = uint64_t{0xD2511F53u} * c0;
      const uint64_t p1 = uint64_t{0xCD9E8D57u} * c2;
      c0 = static_cast<uint32_t>(p1 >> 32) ^ c1 ^ k0;
      c1 = static_cast<uint32_t>(p1);
      c2 = static_cast<uint32_t>(p0 >> 32) ^ c3 ^ k1;
      c3 = static_cast<uint32_t>(p0);
      k0 += 0x9E3779B9u;
      k1 += 0xBB67AE85u;
    }
    return {c0, c1, c2, c3};
  }
};

/// A uniform f32 in [0, 1) from 32 random bits: the upper 24 of them.
CONVOY_HOST_DEVICE inline float ToUniform(uint32_t bits) {
  return static_cast<float>(bits >> 8) * 0x1p-24f;
}

/// A source of streams: the n-th call of any method draws from stream n of the seed.
/// Not safe to use from two threads at once.
class Random {
 public:
  explicit Random(uint64_t seed, uint64_t first_stream = 0) : seed_(seed), next_(first_stream) {}

  RandomStream NextStream() { return {seed_, next_++}; }

  /// Fills a floating tensor with values uniform in [low, high), then rounded to its dtype.
  void Uniform(const Tensor& tensor, double low, double high);
  /// Fills a floating tensor with normal values (Box-Muller on pairs of uniform ones).
  void Normal(const Tensor& tensor, double mean, double stddev);
  /// The numbers 0 .. n-1 in random order (Fisher-Yates, unbiased).
  std::vector<int64_t> Permutation(int64_t n);
  /// `count` numbers uniform in [0, bound), unbiased. Throws: Error unless bound > 0.
  std::vector<int64_t> Integers(int64_t count, int64_t bound);

 private:
  uint64_t seed_;
  uint64_t next_;
};

}  // namespace convoy
