// A worker's last collectives and how far each has come: what to look at after a hang.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "parallel/group/collective_record.h"

namespace convoy {

struct CollectiveCall;

/// A ring of the last kEntries calls of a group. Safe to use from any thread; a call costs well
/// below a microsecond and, once the ring is full, allocates no memory unless a text is longer than
/// any before in its place.
class FlightRecorder {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr size_t kEntries = 1000;

  /// Records a call that has just been made. Returns an id (never 0) for the calls below. Updates
  /// to overwritten entries are ignored.
  uint64_t Add(const CollectiveCall& call);
  void Started(uint64_t id, Clock::time_point at = Clock::now());
  void Done(uint64_t id, Clock::time_point at = Clock::now());
  void Failed(uint64_t id);
  /// Its work is part of a recorded step: what comes of it is not seen here.
  void Recorded(uint64_t id);

  /// Oldest first.
  std::vector<CollectiveRecord> Records() const;

 private:
  struct Entry {
    uint64_t id = 0;
    CollectiveRecord record;
    Clock::time_point queued, started, ended;
  };
  // Null if it has been overwritten.
  Entry* Find(uint64_t id);

  mutable std::mutex mutex_;
  std::vector<Entry> ring_;
  uint64_t last_id_ = 0, collectives_ = 0;
};

}  // namespace convoy
