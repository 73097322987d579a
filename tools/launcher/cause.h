// Why a job fails.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <utility>

namespace convoy {

struct Cause {
  std::string text;     ///< empty: nothing worth a line
  int status = 1;       ///< what the launcher ends with
  bool killed = false;  ///< a worker was, rather than that it gave up
  int rank = -1;        ///< of that worker; -1: no worker is the cause
};

/// Keeps the first one. But a worker that has died of a peer's death may be seen before the peer,
/// so one that was killed at the same moment goes before one that gave up.
class FirstCause {
 public:
  using Clock = std::chrono::steady_clock;

  void Add(Cause cause) {
    constexpr auto kSameMoment = std::chrono::milliseconds(200);
    const Clock::time_point now = Clock::now();
    const bool better =
        since_ && !settled_ && cause.killed && !cause_.killed && now - *since_ < kSameMoment;
    if (since_ && !better) return;
    cause_ = std::move(cause);
    if (!since_) since_ = now;
  }

  /// From now on whoever is killed is killed by the launcher.
  void Settle() { settled_ = true; }

  const std::optional<Clock::time_point>& since() const { return since_; }
  const Cause& cause() const { return cause_; }

 private:
  Cause cause_;
  std::optional<Clock::time_point> since_;
  bool settled_ = false;
};

}  // namespace convoy
