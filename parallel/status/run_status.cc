// What all groups of this process's workers share: the run's status page, and whom to wake.
#include "parallel/status/run_status.h"

#include <fmt/format.h>

#include "core/base/error.h"

namespace convoy::status {

std::string WorkerPrefix(int worker, int workers) {
  return fmt::format("[worker {} of {}] ", worker, workers);
}

bool IsSigned(const std::string& error) { return error.starts_with("[worker "); }

std::string SignedBy(int worker, int workers, const std::string& error) {
  return IsSigned(error) ? error : WorkerPrefix(worker, workers) + error;
}

void RunStatus::Add(Event& event) {
  const std::lock_guard lock(mutex_);
  events_.push_back(&event);
}

void RunStatus::Remove(Event& event) {
  const std::lock_guard lock(mutex_);
  std::erase(events_, &event);
}

bool RunStatus::Fail(const std::string& reason) noexcept {
  const bool first = page_->Fail(reason);
  SignalAll();
  return first;
}

void RunStatus::Throw() const { throw Error(page_->failure()); }

void RunStatus::Finish(int worker) noexcept {
  page_->set_state(worker, StatusPage::State::kFinished);
  SignalAll();
}

void RunStatus::SignalAll() noexcept {
  const std::lock_guard lock(mutex_);
  for (Event* event : events_) event->Signal();
}

}  // namespace convoy::status
