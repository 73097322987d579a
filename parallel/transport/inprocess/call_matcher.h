// Matches the calls of an in-process group's workers: who has joined which collective.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "parallel/status/event.h"
#include "parallel/status/run_status.h"
#include "parallel/transport/inprocess/collective.h"

namespace convoy::transport {

/// Safe to call from any thread.
class CallMatcher {
 public:
  /// Of a whole run.
  explicit CallMatcher(std::shared_ptr<status::RunStatus> run);
  /// Of a subgroup: its ranks' workers, as the run counts them.
  CallMatcher(std::shared_ptr<status::RunStatus> run, std::vector<int> workers);
  ~CallMatcher();
  CallMatcher(const CallMatcher&) = delete;
  CallMatcher& operator=(const CallMatcher&) = delete;

  int size() const { return static_cast<int>(workers_.size()); }
  int workers_of_run() const { return run_->workers(); }
  /// Whose rank `rank` is: which threads it computes with, and how messages name it.
  int worker(int rank) const { return workers_[static_cast<size_t>(rank)]; }
  /// Signalled whenever a waiter may find something new.
  status::Event& event() { return event_; }

  /// Joins the next collective of `rank`; the last one to join makes it ready.
  /// Throws: Error if the group was aborted, or (aborting it) if the workers disagree.
  std::shared_ptr<Collective> Join(int rank, const CollectiveCall& request);

  /// Joins the oldest message of (source, destination, tag) that lacks this side, or a new one.
  /// `request.kind`, kSend or kRecv, says which. Throws: as Join.
  std::shared_ptr<Collective> JoinMessage(int source, int destination, int tag,
                                          const CollectiveCall& request);

  /// The matcher of the subgroup that the workers' split `number` makes of `ranks` for `color`; the
  /// same for all of them, each of which must ask once.
  std::shared_ptr<CallMatcher> Subgroup(uint64_t number, int color, const std::vector<int>& ranks);

  void Abort(const std::string& reason) noexcept { run_->Fail(reason); }
  /// `rank` will call nothing any more: waiting for it is an error from now on.
  void Finish(int rank) noexcept { run_->Finish(worker(rank)); }

  void ThrowIfAborted() const { run_->ThrowIfFailed(); }
  /// Throws: Error (aborting the group) if a worker that `collective` lacks has finished.
  void ThrowIfDeserted(const Collective& collective, CollectiveKind waiting_in);

 private:
  void AbortAndThrow(const std::string& reason);
  // All members are in: starts it, or aborts the group and throws if they do not fit.
  void StartLocked(Collective& collective);

  struct Split {
    std::shared_ptr<CallMatcher> matcher;
    size_t asked = 0;  // by how many of its workers
  };

  status::Event event_;
  const std::shared_ptr<status::RunStatus> run_;
  const std::vector<int> workers_;  // by rank

  std::mutex mutex_;
  std::vector<uint64_t> joined_;                  // by rank: collectives joined so far
  std::deque<std::shared_ptr<Collective>> open_;  // not joined by all workers yet, in order
  uint64_t first_open_ = 0;                       // number of the first of them
  // Messages that lack one side, by source, destination, tag: all of a queue lack the same side.
  std::map<std::tuple<int, int, int>, std::deque<std::shared_ptr<Collective>>> messages_;
  std::map<std::pair<uint64_t, int>, Split> splits_;  // that not all workers have joined
};

}  // namespace convoy::transport
