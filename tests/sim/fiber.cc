// A stack of its own to run a function on, and switching between stacks. x86-64.
#include "tests/sim/fiber.h"

#include <sys/mman.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <utility>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#if defined(__SANITIZE_THREAD__)
#include <sanitizer/tsan_interface.h>
#endif

// Saves the registers that a call must keep on the running stack, stores its pointer in *rdi, and
// goes on with the stack rsi.
asm(R"(
.text
.globl convoy_sim_switch_stack
.type convoy_sim_switch_stack, @function
convoy_sim_switch_stack:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size convoy_sim_switch_stack, .-convoy_sim_switch_stack
.globl convoy_sim_enter_fiber
.type convoy_sim_enter_fiber, @function
convoy_sim_enter_fiber:
  movq %r12, %rdi
  call *%r13
  ud2
.size convoy_sim_enter_fiber, .-convoy_sim_enter_fiber
)");
extern "C" void convoy_sim_switch_stack(void** save, void* load);
extern "C" void convoy_sim_enter_fiber();

namespace convoy::sim {
namespace {

// Instrumented code has larger frames. Pages that nobody touches cost nothing.
constexpr size_t kStackBytes = 256 << 10;

}  // namespace

void FiberMain(Fiber* fiber) {
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_finish_switch_fiber(nullptr, nullptr, nullptr);
#endif
  fiber->body_();
  std::abort();
}

Fiber::~Fiber() {
#if defined(__SANITIZE_THREAD__)
  if (stack_ != nullptr && tsan_ != nullptr) __tsan_destroy_fiber(tsan_);
#endif
  if (stack_ != nullptr) munmap(stack_, kStackBytes);
}

void Fiber::Start(std::function<void()> body) {
  if (stack_ == nullptr) {
    void* memory = mmap(nullptr, kStackBytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    if (memory == MAP_FAILED) {
      std::perror("[sim] no memory for a fiber's stack");
      std::abort();
    }
    stack_ = static_cast<std::byte*>(memory);
    bottom_ = stack_;
    size_ = kStackBytes;
#if defined(__SANITIZE_THREAD__)
    tsan_ = __tsan_create_fiber(0);
#endif
  }
#if defined(__SANITIZE_ADDRESS__)
  __asan_unpoison_memory_region(stack_, kStackBytes);
#endif
  fake_stack_ = nullptr;
  body_ = std::move(body);
  // As if convoy_sim_switch_stack had been called from the first instruction of
  // convoy_sim_enter_fiber, with the stack aligned as the calling convention wants it there.
  void** top = reinterpret_cast<void**>(stack_ + kStackBytes) - 2;
  *--top = reinterpret_cast<void*>(&convoy_sim_enter_fiber);
  *--top = nullptr;                              // rbp
  *--top = nullptr;                              // rbx
  *--top = this;                                 // r12
  *--top = reinterpret_cast<void*>(&FiberMain);  // r13
  *--top = nullptr;                              // r14
  *--top = nullptr;                              // r15
  pointer_ = top;
}

void SwitchFiber(Fiber& from, Fiber& to) {
#if defined(__SANITIZE_THREAD__)
  if (from.tsan_ == nullptr) from.tsan_ = __tsan_get_current_fiber();
  __tsan_switch_to_fiber(to.tsan_, 0);
#endif
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_start_switch_fiber(&from.fake_stack_, to.bottom_, to.size_);
#endif
  convoy_sim_switch_stack(&from.pointer_, to.pointer_);
#if defined(__SANITIZE_ADDRESS__)
  // A system thread learns of its own stack when it is first come back to.
  const void* bottom = nullptr;
  size_t size = 0;
  __sanitizer_finish_switch_fiber(from.fake_stack_, &bottom, &size);
  (void)bottom;
  (void)size;
#endif
}

void EndFiber(Fiber& from, Fiber& to) {
#if defined(__SANITIZE_THREAD__)
  __tsan_switch_to_fiber(to.tsan_, 0);
#endif
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_start_switch_fiber(nullptr, to.bottom_, to.size_);
#endif
  convoy_sim_switch_stack(&from.pointer_, to.pointer_);
  std::abort();
}

}  // namespace convoy::sim
