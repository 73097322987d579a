// What all groups of this process's workers share: the run's status page, and whom to wake.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "parallel/status/event.h"
#include "parallel/status/status_page.h"

namespace convoy::status {

/// "[worker 2 of 4] "
std::string WorkerPrefix(int worker, int workers);
/// The error with that in front, unless it says already which worker it comes from.
std::string SignedBy(int worker, int workers, const std::string& error);
bool IsSigned(const std::string& error);

/// The status page says who takes part, who has finished and what failed first. Workers that are
/// threads of one process do not look at it again and again: they sleep on an Event, which this
/// signals when the page changes in a way that may end their wait. Only this class's Fail and
/// Finish signal events; what others write to the page does not. Safe to call from any thread.
class RunStatus {
 public:
  explicit RunStatus(std::shared_ptr<StatusPage> page) : page_(std::move(page)) {}

  const std::shared_ptr<StatusPage>& page() const { return page_; }
  int workers() const { return page_->size(); }

  /// Has `event` signalled by Fail and Finish, until it is removed.
  void Add(Event& event);
  void Remove(Event& event);

  /// Declares the run failed; the first reason stays. True if this is the first.
  bool Fail(const std::string& reason) noexcept;
  /// Throws: Error with the first failure of the run, if there was one.
  void ThrowIfFailed() const {
    if (page_->failed()) [[unlikely]]
      Throw();
  }

  /// `worker` will call nothing any more, in no group.
  void Finish(int worker) noexcept;
  bool finished(int worker) const { return page_->state(worker) == StatusPage::State::kFinished; }

 private:
  [[noreturn]] void Throw() const;
  void SignalAll() noexcept;

  const std::shared_ptr<StatusPage> page_;
  std::mutex mutex_;
  std::vector<Event*> events_;
};

}  // namespace convoy::status
