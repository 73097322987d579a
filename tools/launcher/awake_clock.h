// Time that a process has had to act in.
#pragma once

#include <algorithm>
#include <chrono>

namespace convoy::launcher {

/// For the deadlines of a loop that goes round many times a second: counts no time during which the
/// process was stopped (Ctrl-Z, SIGSTOP, a paused container) or had no core to run on. What others
/// have done meanwhile has not been read then, and is not to be taken for silence.
class AwakeClock {
 public:
  using Base = std::chrono::steady_clock;

  explicit AwakeClock(Base::time_point now = Base::now()) : last_(now) {}

  /// To be called in every round.
  void Tick(Base::time_point now = Base::now()) {
    awake_ += std::min<Base::duration>(now - last_, kLongestRound);
    last_ = now;
  }

  /// Since construction, as of the last Tick().
  Base::duration now() const { return awake_; }

  static constexpr auto kLongestRound = std::chrono::seconds(1);

 private:
  Base::time_point last_;
  Base::duration awake_ = Base::duration::zero();
};

}  // namespace convoy::launcher
