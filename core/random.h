// Where random numbers come from: streams of a seed, dealt one after the other, and tensors filled
// from them.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "core/random_stream.h"
#include "core/tensor.h"

namespace convoy {

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
