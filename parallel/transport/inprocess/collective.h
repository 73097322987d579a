// One collective between threads: who has joined, and the chunks of work that it consists of.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/tensor.h"
#include "parallel/group/checked_group.h"
#include "parallel/status/event.h"

namespace convoy::transport {

/// When the last member has joined, a collective is a set of independent chunks of about 64 KiB
/// that any member's thread may run: there are no threads for communication, since the cores are
/// busy computing. A point-to-point message is a collective of two: source and destination.
///
/// Join, HasJoined and Mismatch are called under the lock of the matcher, Start once after them;
/// the rest is safe from any thread.
class Collective {
 public:
  /// `number` counts the collectives of the group (for messages); `event` is signalled when the
  /// collective becomes ready and when it is done.
  Collective(status::Event& event, uint64_t number, std::vector<int> members)
      : event_(event),
        number_(number),
        members_(std::move(members)),
        requests_(members_.size()),
        joined_(members_.size()),
        buffers_(2 * members_.size()) {}

  const std::vector<int>& members() const { return members_; }

  /// True if this was the last member.
  bool Join(int member, const CollectiveCall& call);
  bool HasJoined(int member) const { return joined_[static_cast<size_t>(member)]; }

  /// What the members disagree on, as an error message; empty if all fits.
  std::string Mismatch() const;

  /// Cuts the work into chunks: ready from now on.
  void Start();
  bool ready() const { return ready_.load(std::memory_order_acquire); }
  bool done() const { return done_.load(std::memory_order_acquire); }
  int64_t chunks() const { return chunks_; }

  /// Chunks that nobody has taken yet. Only if ready.
  int64_t unclaimed() const;
  /// Takes and runs up to `limit` chunks. Only if ready.
  void Help(int64_t limit);

  /// When it became ready, and when done: only if it is.
  std::chrono::steady_clock::time_point start() const { return start_; }
  std::chrono::steady_clock::time_point end() const { return end_; }
  WorkTimes times() const {
    WorkTimes times;
    if (ready()) times.started = start_;
    if (done()) times.ended = end_;
    return times;
  }

 private:
  void RunChunk(int64_t chunk);
  void Finish();
  std::span<void*> inputs() { return std::span(buffers_).first(members_.size()); }
  std::span<void*> outputs() { return std::span(buffers_).last(members_.size()); }

  status::Event& event_;
  const uint64_t number_;
  const std::vector<int> members_;
  std::vector<CollectiveCall> requests_;  // by member; `what` is empty: it may not live on
  std::vector<bool> joined_;
  size_t num_joined_ = 0;

  // Set by Start.
  CollectiveKind kind_ = CollectiveKind::kBarrier;
  DType dtype_ = DType::kF32;
  std::vector<void*> buffers_;  // the members' inputs, then their outputs; null in a barrier
  int64_t part_numel_ = 0;      // of each contiguous part that moves or is reduced as one
  int64_t chunk_numel_ = 0;
  int64_t chunks_per_part_ = 0;
  int64_t chunks_ = 0;
  std::chrono::steady_clock::time_point start_, end_;

  std::atomic<bool> ready_{false};
  std::atomic<int64_t> next_chunk_{0};
  std::atomic<int64_t> chunks_done_{0};
  std::atomic<bool> done_{false};
};

}  // namespace convoy::transport
