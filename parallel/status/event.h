// A counter that threads sleep on until it moves: how workers of one process wake each other.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

namespace convoy::status {

/// To wait for a condition: read Now(), look at the condition, then WaitPast() what was read.
/// Call Signal() after making a condition true, so that no wake-up is lost.
class Event {
 public:
  uint32_t Now() const { return count_.load(std::memory_order_acquire); }

  void Signal() {
    count_.fetch_add(1, std::memory_order_acq_rel);
    count_.notify_all();
  }

  /// Looks at the count for a while, and returns whether it differs from `seen`. Worth trying
  /// before WaitPast if the thread has a core of its own, since waking a sleeper takes tens of
  /// microseconds.
  bool SpinPast(uint32_t seen) const {
    const auto until = std::chrono::steady_clock::now() + kSpin;
    do {
      for (int i = 0; i < kLooks; ++i) {
        if (Now() != seen) return true;
        Pause();
      }
    } while (std::chrono::steady_clock::now() < until);
    return false;
  }

  /// Sleeps until the count differs from `seen`.
  void WaitPast(uint32_t seen) const { count_.wait(seen, std::memory_order_acquire); }

 private:
  static constexpr std::chrono::microseconds kSpin{40};
  static constexpr int kLooks = 16;

  static void Pause() {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
  }

  std::atomic<uint32_t> count_{0};
};

}  // namespace convoy::status
