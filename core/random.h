// Counter-based random numbers: Philox4x32-10 (Salmon et al., "Parallel Random Numbers: As Easy as
// 1, 2, 3", SC 2011). A number depends on seed, stream and index only, never on thread or device.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "core/tensor.h"

namespace convoy {

/// One sequence of 2^64 blocks of four 32-bit numbers.
struct RandomStream {
  uint64_t seed = 0;
  uint64_t stream = 0;

  /// Block `index`: numbers 4*index .. 4*index+3 of the sequence.
  std::array<uint32_t, 4> Block(uint64_t index) const;
};

/// A uniform f32 in [0, 1) from 32 random bits: the upper 24 of them.
inline float ToUniform(uint32_t bits) { return static_cast<float>(bits >> 8) * 0x1p-24f; }

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
