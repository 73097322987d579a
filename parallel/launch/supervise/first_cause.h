// Which of several processes failed first, and so is the cause that the user is told.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <utility>

namespace convoy::launch {

struct Cause {
  std::string text;     ///< empty: nothing worth a line
  int status = 1;       ///< the exit status of the program that reports it
  bool killed = false;  ///< a worker was (WasKilled in spawn.h), rather than that it gave up
  int rank = -1;        ///< of that worker; -1: no worker is the cause
};

/// Keeps the first cause. But a worker that has died of a peer's death may be seen before the peer,
/// so one that was killed within 200 ms of the first goes before one that gave up.
class FirstCause {
 public:
  using Clock = std::chrono::steady_clock;

  void Add(Cause cause) {
    constexpr auto kSameMoment = std::chrono::milliseconds(200);
    if (settled_) return;
    const Clock::time_point now = Clock::now();
    const bool better = since_ && cause.killed && !cause_.killed && now - *since_ < kSameMoment;
    if (since_ && !better) return;
    cause_ = std::move(cause);
    if (!since_) since_ = now;
  }

  /// Call it when this process begins to end the others: what is added later is a consequence, and
  /// not kept.
  void Settle() { settled_ = true; }

  /// When the first cause was added; none: nothing has failed yet.
  const std::optional<Clock::time_point>& since() const { return since_; }
  const Cause& cause() const { return cause_; }

 private:
  Cause cause_;
  std::optional<Clock::time_point> since_;
  bool settled_ = false;
};

}  // namespace convoy::launch
