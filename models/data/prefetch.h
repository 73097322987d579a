// A thread that makes values ahead of their use.
#pragma once

#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "core/base/start_thread.h"

namespace convoy {

/// Calls `produce` on a thread of its own, at most `depth` values ahead of the consumer, until it
/// returns nothing or throws. The destructor waits for the call under way, then stops.
template <typename T>
class Prefetcher {
 public:
  explicit Prefetcher(std::function<std::optional<T>()> produce, size_t depth = 2)
      : produce_(std::move(produce)),
        depth_(depth),
        thread_(StartThread("data", "prefetch", [this] { Run(); })) {}

  Prefetcher(const Prefetcher&) = delete;
  Prefetcher& operator=(const Prefetcher&) = delete;

  ~Prefetcher() {
    {
      const std::lock_guard lock(mutex_);
      stop_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }

  /// The next value; nothing at the end. Rethrows what `produce` threw, after the values before it.
  std::optional<T> Pop() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return !queue_.empty() || done_; });
    if (!queue_.empty()) {
      std::optional<T> value = std::move(queue_.front());
      queue_.pop_front();
      lock.unlock();
      changed_.notify_all();
      return value;
    }
    if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
    return std::nullopt;
  }

 private:
  void Run() {
    std::exception_ptr failure;
    try {
      while (std::optional<T> value = produce_()) {
        std::unique_lock lock(mutex_);
        queue_.push_back(std::move(*value));
        changed_.notify_all();
        changed_.wait(lock, [this] { return queue_.size() < depth_ || stop_; });
        if (stop_) return;
      }
    } catch (...) {
      failure = std::current_exception();
    }
    {
      const std::lock_guard lock(mutex_);
      failure_ = std::move(failure);  // the thread that rethrows it is its only owner
      done_ = true;
    }
    changed_.notify_all();
  }

  const std::function<std::optional<T>()> produce_;
  const size_t depth_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<T> queue_;
  std::exception_ptr failure_;
  bool done_ = false;
  bool stop_ = false;
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace convoy
