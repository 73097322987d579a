// What all groups of an in-process run share: its failure, and which workers have finished.
#include "parallel/inprocess/run_state.h"

#include <new>

#include "core/error.h"

namespace convoy {

void RunState::Add(Event& event) {
  const std::lock_guard lock(mutex_);
  events_.push_back(&event);
}

void RunState::Remove(Event& event) {
  const std::lock_guard lock(mutex_);
  std::erase(events_, &event);
}

void RunState::Abort(const std::string& reason) {
  const std::lock_guard lock(mutex_);
  if (aborted_.load(std::memory_order_relaxed)) return;
  try {
    reason_ = reason;
  } catch (const std::bad_alloc&) {
    reason_ = "no memory left";  // short enough to need none
  }
  aborted_.store(true, std::memory_order_release);
  SignalAll();
}

void RunState::ThrowIfAborted() const {
  if (aborted_.load(std::memory_order_acquire)) [[unlikely]]
    throw Error(reason_);
}

void RunState::Finish(int worker) {
  const std::lock_guard lock(mutex_);
  finished_[static_cast<size_t>(worker)] = true;
  SignalAll();
}

bool RunState::finished(int worker) const {
  const std::lock_guard lock(mutex_);
  return finished_[static_cast<size_t>(worker)];
}

void RunState::SignalAll() {
  for (Event* event : events_) event->Signal();
}

}  // namespace convoy
