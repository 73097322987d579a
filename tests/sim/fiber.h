// A stack of its own to run a function on, and switching between stacks. x86-64.
#pragma once

#include <cstddef>

namespace convoy::sim {

class Fiber;
void FiberMain(Fiber* fiber);

/// Also stands for the system thread's own stack, if it has no function. Belongs to one system
/// thread. ThreadSanitizer is not told of fibers: it takes what they do for the system thread's
/// doing, which is right, and has no room for the thousands that there are.
class Fiber {
 public:
  Fiber() = default;
  /// The first switch to the fiber calls `body(context)`, which must end with EndFiber.
  Fiber(void (*body)(void*), void* context);
  ~Fiber();
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

 private:
  friend void SwitchFiber(Fiber& from, Fiber& to);
  friend void EndFiber(Fiber& from, Fiber& to);
  friend void FiberMain(Fiber* fiber);

  void Arrive();

  void (*body_)(void*) = nullptr;
  void* context_ = nullptr;
  void* pointer_ = nullptr;  // of the stack, while it does not run
  std::byte* stack_ = nullptr;
  // For AddressSanitizer.
  void* fake_stack_ = nullptr;
  const void* bottom_ = nullptr;
  size_t size_ = 0;
};

/// Runs `to` from where it stopped; returns when somebody switches back to `from`, which is the one
/// running.
void SwitchFiber(Fiber& from, Fiber& to);

/// As SwitchFiber, never to return: `from` has ended.
void EndFiber(Fiber& from, Fiber& to);

}  // namespace convoy::sim
