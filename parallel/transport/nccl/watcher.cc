// Watches the collectives of one worker: a thread that turns a hang into an error.
#include "parallel/transport/nccl/watcher.h"

#include <cuda_runtime_api.h>

#include <algorithm>
#include <exception>
#include <utility>

#include "core/base/start_thread.h"

namespace convoy::nccl {
namespace {

// A hundredth of the deadline, but no less often than people notice.
std::chrono::microseconds IntervalFor(double timeout_s) {
  return std::chrono::microseconds(
      std::clamp(static_cast<int64_t>(timeout_s * 1e4), int64_t{1'000}, int64_t{20'000}));
}

}  // namespace

Watcher::Watcher(const status::Peers& peers, Communicator& communicator, FlightRecorder& history,
                 Device device)
    : peers_(peers),
      communicator_(communicator),
      history_(history),
      device_(device),
      interval_(IntervalFor(peers.timeout_s())),
      thread_(StartThread("NCCL", "nccl watcher", [this] { Run(); })) {}

Watcher::~Watcher() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

void Watcher::Add(Entry entry) {
  const std::lock_guard lock(mutex_);
  added_.push_back(std::move(entry));
}

void Watcher::Run() {
  std::unique_lock lock(mutex_);
  while (!changed_.wait_for(lock, interval_, [this] { return stop_; })) {
    TakeAdded();
    lock.unlock();
    Look();
    lock.lock();
  }
  // A run that fails soon after a collective has ended is still to say so in its report. What is
  // aborted looks as if it had ended.
  if (communicator_.aborted()) return;
  TakeAdded();
  try {
    cuda::Use(device_);
    NoteProgress();
  } catch (const std::exception&) {  // the device is broken, which the run knows by now
  }
}

void Watcher::TakeAdded() {
  std::move(added_.begin(), added_.end(), std::back_inserter(pending_));
  added_.clear();
}

void Watcher::Look() {
  std::string reason;
  try {
    cuda::Use(device_);
    reason = Advance();
    if (reason.empty() && !peers_.failed()) {
      reason = communicator_.AsyncError();
      if (!reason.empty()) reason = "[NCCL] " + reason;
    }
  } catch (const std::exception& error) {  // the device is broken
    reason = error.what();
  }
  if (!reason.empty()) peers_.Fail(reason);
  if (!peers_.failed()) return;
  communicator_.Abort();
  pending_.clear();
  ready_ = 0;
}

void Watcher::NoteProgress() {
  for (; ready_ < pending_.size(); ++ready_) {
    const Entry& entry = pending_[ready_];
    if (entry.input != nullptr && !entry.input->Done()) break;
    if (entry.input == nullptr && ready_ > 0) break;
    peers_.Ready(entry.number);
    for (const uint64_t call : entry.calls) history_.Started(call);
  }
  while (!pending_.empty() && ready_ > 0 && pending_.front().done->Done()) {
    const Entry& ended = pending_.front();
    for (const uint64_t call : ended.calls) history_.Done(call);
    if (ended.needs_all) peers_.AllTookPart(ended.number, ended.what);
    pending_.pop_front();
    --ready_;
    counting_ = false;
  }
}

std::string Watcher::Advance() {
  NoteProgress();
  if (pending_.empty()) {
    const std::string died = peers_.WhoDied();
    return died.empty() ? died : "[NCCL] " + died;
  }
  const Entry& first = pending_.front();
  if (std::string why = peers_.WhyHopeless(first.number, first.what); !why.empty()) return why;
  if (ready_ == 0) return {};  // waits for its own device only
  if (!std::exchange(counting_, true)) since_ = Clock::now();
  const double seconds = std::chrono::duration<double>(Clock::now() - since_).count();
  if (seconds > peers_.timeout_s()) peers_.FailLate(first.number, first.what, seconds);
  return {};
}

}  // namespace convoy::nccl
