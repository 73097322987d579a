// How the processes of a run are made to end once one of them has failed.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

namespace convoy::launch {

/// The others have some time to end by themselves; then they are asked to (SIGTERM), unless there
/// is no such step, and have the same time again; then they are killed (SIGKILL).
class Escalation {
 public:
  /// Since any fixed moment, by the clock of the caller.
  using Time = std::chrono::steady_clock::duration;
  enum class Step : uint8_t { kNone, kFailed, kAsk, kKill };

  /// `grace`: the time until the next step. `asks`: whether there is a step kAsk.
  Escalation(Time grace, bool asks) : grace_(grace), asks_(asks) {}

  /// Call it in every round of the loop once something has failed. Returns the step that is due
  /// now: kFailed at the first call, then kAsk and kKill, each once; kNone in between.
  Step Next(Time now) {
    if (last_ == Step::kKill) return Step::kNone;
    if (last_ != Step::kNone && now - since_ < grace_) return Step::kNone;
    last_ = last_ == Step::kNone              ? Step::kFailed
            : last_ == Step::kFailed && asks_ ? Step::kAsk
                                              : Step::kKill;
    since_ = now;
    return last_;
  }

 private:
  const Time grace_;
  const bool asks_;
  Step last_ = Step::kNone;
  Time since_ = Time::zero();  // when that was due
};

}  // namespace convoy::launch
