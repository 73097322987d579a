// Random streams in a step that is recorded once and replayed many times.
#pragma once

#include <cstdint>
#include <vector>

#include "core/random.h"
#include "core/tensor.h"

namespace convoy {

/// Deals the streams of a seed one after the other. Lives as long as what is recorded with it.
struct StreamCounter {
  uint64_t seed = 0;
  uint64_t next = 0;

  /// Stream `next`, which then counts up; while this thread records (RecordedStreams::Scope), one
  /// whose seed and number every replay finds in the device's memory.
  /// Throws: Error if a recorded step draws from too many streams.
  RandomStream Next();
};

/// The streams that a recorded step draws from. Kernels get the values of a launch once, when it is
/// recorded; so a recorded kernel reads the stream's number from memory, which Advance rewrites
/// before each replay: the replays draw the numbers that the same calls would draw unrecorded.
class RecordedStreams {
 public:
  explicit RecordedStreams(Device device);

  /// While one is alive, this thread's calls of StreamCounter::Next belong to `streams`.
  class Scope {
   public:
    explicit Scope(RecordedStreams& streams);
    ~Scope();
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    RecordedStreams* before_;
  };

  /// Takes the next number from every counter, in the order of the recorded calls, and queues the
  /// copy to the device.
  void Advance();

 private:
  friend struct StreamCounter;
  RandomStream Add(StreamCounter& counter);

  std::vector<StreamCounter*> counters_;  // one a call
  Tensor places_;                         // (most streams, 2) i64: seed and number
};

}  // namespace convoy
