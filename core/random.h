// Counter-based random numbers: Philox4x32-10 (Salmon et al., "Parallel Random Numbers: As Easy as
// 1, 2, 3", SC 2011). A number depends on seed, stream and index only, never on thread or device.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "core/host_device.h"
#include "core/tensor.h"

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

/// Deals the streams of a seed, one after the other. Copies go on from the same place, each by
/// itself. Not safe to use from two threads at once.
///
/// While a graph is recorded (Backend::Record) it deals streams that move along at each replay: a
/// replay draws what the same calls would have drawn at that time, and leaves the source after it.
class StreamSource {
 public:
  /// What is dealt next; shared with the recordings that the source was used in.
  struct State {
    uint64_t seed = 0;
    uint64_t next = 0;
  };

  explicit StreamSource(uint64_t seed, uint64_t first_stream = 0)
      : state_(std::make_shared<State>(State{seed, first_stream})) {}
  StreamSource(const StreamSource& other) : state_(std::make_shared<State>(*other.state_)) {}
  StreamSource& operator=(const StreamSource& other) {
    *state_ = *other.state_;
    return *this;
  }

  /// For kernels and for the host.
  RandomStream Next();
  /// For the host only: never moves along with replays.
  RandomStream NextOnHost() { return {state_->seed, state_->next++}; }

 private:
  std::shared_ptr<State> state_;
};

namespace internal {
/// Deals streams in place of the sources while this thread records a graph.
class RandomRecorder {
 public:
  virtual ~RandomRecorder() = default;
  virtual RandomStream Next(const std::shared_ptr<StreamSource::State>& source) = 0;
};
inline thread_local RandomRecorder* random_recorder = nullptr;
}  // namespace internal

/// A source of streams: the n-th call of any method draws from stream n of the seed.
/// Not safe to use from two threads at once. All but NextStream throw an Error while a graph is
/// recorded: they draw on the host, once, and every replay would see those values again.
class Random {
 public:
  explicit Random(uint64_t seed, uint64_t first_stream = 0) : streams_(seed, first_stream) {}

  RandomStream NextStream() { return streams_.Next(); }

  /// Fills a floating tensor with values uniform in [low, high), then rounded to its dtype.
  void Uniform(const Tensor& tensor, double low, double high);
  /// Fills a floating tensor with normal values (Box-Muller on pairs of uniform ones).
  void Normal(const Tensor& tensor, double mean, double stddev);
  /// The numbers 0 .. n-1 in random order (Fisher-Yates, unbiased).
  std::vector<int64_t> Permutation(int64_t n);
  /// `count` numbers uniform in [0, bound), unbiased. Throws: Error unless bound > 0.
  std::vector<int64_t> Integers(int64_t count, int64_t bound);

 private:
  RandomStream NextOnHost(const char* method);

  StreamSource streams_;
};

}  // namespace convoy
