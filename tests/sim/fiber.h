// A stack of its own to run a function on, and switching between stacks. x86-64.
#pragma once

#include <cstddef>
#include <functional>

namespace convoy::sim {

/// Also stands for the system thread's own stack, if it was never started.
class Fiber {
 public:
  Fiber() = default;
  ~Fiber();
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  /// Prepares `body` to run at the first switch to this fiber; it must end with EndFiber. The
  /// stack is kept from start to start.
  void Start(std::function<void()> body);

 private:
  friend void SwitchFiber(Fiber& from, Fiber& to);
  friend void EndFiber(Fiber& from, Fiber& to);
  friend void FiberMain(Fiber* fiber);

  void* pointer_ = nullptr;  // of the stack, while it does not run
  std::byte* stack_ = nullptr;
  std::function<void()> body_;
  void* fake_stack_ = nullptr;  // of AddressSanitizer
  const void* bottom_ = nullptr;
  size_t size_ = 0;
  void* tsan_ = nullptr;
};

/// Runs `to` from where it stopped; returns when somebody switches back to `from`, which is the one
/// running.
void SwitchFiber(Fiber& from, Fiber& to);

/// As SwitchFiber, never to return: `from` has ended.
void EndFiber(Fiber& from, Fiber& to);

}  // namespace convoy::sim
