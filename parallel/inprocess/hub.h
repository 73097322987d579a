// What the workers of an in-process group share: who has joined which collective, and the end.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <tuple>
#include <vector>

#include "parallel/inprocess/collective.h"
#include "parallel/inprocess/event.h"

namespace convoy {

/// Safe to call from any thread.
class Hub {
 public:
  explicit Hub(int size);

  int size() const { return static_cast<int>(ranks_.size()); }
  /// Signalled whenever a waiter may find something new.
  Event& event() { return event_; }

  /// Joins the next collective of `rank`; the last one to join makes it ready.
  /// Throws: Error if the group was aborted, or (aborting it) if the workers disagree.
  std::shared_ptr<Collective> Join(int rank, const CollectiveCall& request);

  /// Joins the oldest message of (source, destination, tag) that lacks this side, or a new one.
  /// `request.kind`, kSend or kRecv, says which. Throws: as Join.
  std::shared_ptr<Collective> JoinMessage(int source, int destination, int tag,
                                          const CollectiveCall& request);

  void Abort(const std::string& reason) noexcept;
  /// `rank` will call nothing any more: waiting for it is an error from now on.
  void Finish(int rank) noexcept;

  void ThrowIfAborted() const;
  /// Throws: Error (aborting the group) if a worker that `collective` lacks has finished.
  void ThrowIfDeserted(const Collective& collective, CollectiveKind waiting_in);

 private:
  void AbortLocked(const std::string& reason);
  // All members are in: starts it, or aborts the group and throws if they do not fit.
  void StartLocked(Collective& collective);

  Event event_;
  const std::vector<int> ranks_;  // 0, 1, ...

  std::mutex mutex_;
  std::string reason_;  // of the abort; constant once aborted_ is set
  std::atomic<bool> aborted_{false};
  std::vector<bool> finished_;                    // by rank
  std::vector<uint64_t> joined_;                  // by rank: collectives joined so far
  std::deque<std::shared_ptr<Collective>> open_;  // those that lack somebody, in order
  uint64_t first_open_ = 0;                       // number of the first of them
  // Messages that lack one side, by source, destination, tag: all of a queue lack the same side.
  std::map<std::tuple<int, int, int>, std::deque<std::shared_ptr<Collective>>> messages_;
};

}  // namespace convoy
