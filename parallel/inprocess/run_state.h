// What all groups of an in-process run share: its failure, and which workers have finished.
#pragma once

#include <atomic>
#include <mutex>
#include <string>
#include <vector>

#include "parallel/inprocess/event.h"

namespace convoy {

/// Safe to call from any thread.
class RunState {
 public:
  explicit RunState(int workers) : finished_(static_cast<size_t>(workers)) {}

  int workers() const { return static_cast<int>(finished_.size()); }

  /// Has `event` signalled, until it is removed, whenever a waiter may find something new here.
  void Add(Event& event);
  void Remove(Event& event);

  /// The first reason stays.
  void Abort(const std::string& reason);
  void ThrowIfAborted() const;

  /// `worker` will call nothing any more, in no group.
  void Finish(int worker);
  bool finished(int worker) const;

 private:
  void SignalAll();  // with mutex_ held

  mutable std::mutex mutex_;
  std::string reason_;  // of the abort; constant once aborted_ is set
  std::atomic<bool> aborted_{false};
  std::vector<bool> finished_;  // by worker
  std::vector<Event*> events_;
};

}  // namespace convoy
