// A stack of its own to run a function on, and switching between stacks. x86-64.
#include "tests/sim/fiber.h"

#include <sys/mman.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>

// Null where the program is not built with AddressSanitizer. (This file never is, see BUILD.)
extern "C" {
__attribute__((weak)) void __sanitizer_start_switch_fiber(void** fake_stack, const void* bottom,
                                                          size_t size);
__attribute__((weak)) void __sanitizer_finish_switch_fiber(void* fake_stack, const void** bottom,
                                                           size_t* size);
__attribute__((weak)) void __asan_unpoison_memory_region(const volatile void* at, size_t size);
}

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

// Instrumented code has larger frames, and reports want room. Pages that nobody touches cost
// nothing.
constexpr size_t kStackBytes = 256 << 10;

// Stacks that all began at the same place of a page would fight for the same sets of the caches.
constexpr size_t kColourBytes = 1216, kColours = 53;
thread_local size_t next_colour = 0;

thread_local Fiber* previous = nullptr;  // that was switched from

void Leave(Fiber& from, void** fake_stack, const void* bottom, size_t size) {
  if (__sanitizer_start_switch_fiber == nullptr) return;
  previous = &from;
  __sanitizer_start_switch_fiber(fake_stack, bottom, size);
}

}  // namespace

Fiber::Fiber(void (*body)(void*), void* context) : body_(body), context_(context) {
  void* memory = mmap(nullptr, kStackBytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
  if (memory == MAP_FAILED) {
    std::perror("[sim] no memory for a fiber's stack");
    std::abort();
  }
  stack_ = static_cast<std::byte*>(memory);
  bottom_ = stack_;
  size_ = kStackBytes;
  if (__asan_unpoison_memory_region != nullptr) {  // marks of who had these addresses before
    __asan_unpoison_memory_region(stack_, kStackBytes);
  }
  // As if convoy_sim_switch_stack had been called from the first instruction of
  // convoy_sim_enter_fiber, with the stack aligned as the calling convention wants it there.
  void** top =
      reinterpret_cast<void**>(stack_ + kStackBytes - next_colour++ % kColours * kColourBytes) - 2;
  *--top = reinterpret_cast<void*>(&convoy_sim_enter_fiber);
  *--top = nullptr;                              // rbp
  *--top = nullptr;                              // rbx
  *--top = this;                                 // r12
  *--top = reinterpret_cast<void*>(&FiberMain);  // r13
  *--top = nullptr;                              // r14
  *--top = nullptr;                              // r15
  pointer_ = top;
}

Fiber::~Fiber() {
  if (stack_ != nullptr) munmap(stack_, kStackBytes);
}

void Fiber::Arrive() {
  if (__sanitizer_finish_switch_fiber == nullptr) return;
  const void* bottom = nullptr;
  size_t size = 0;
  __sanitizer_finish_switch_fiber(fake_stack_, &bottom, &size);
  if (previous->bottom_ == nullptr) {  // a system thread's own stack, left for the first time
    previous->bottom_ = bottom;
    previous->size_ = size;
  }
}

void FiberMain(Fiber* fiber) {
  fiber->Arrive();
  fiber->body_(fiber->context_);
  std::abort();
}

void SwitchFiber(Fiber& from, Fiber& to) {
  Leave(from, &from.fake_stack_, to.bottom_, to.size_);
  convoy_sim_switch_stack(&from.pointer_, to.pointer_);
  from.Arrive();
}

void EndFiber(Fiber& from, Fiber& to) {
  Leave(from, nullptr, to.bottom_, to.size_);
  convoy_sim_switch_stack(&from.pointer_, to.pointer_);
  std::abort();
}

}  // namespace convoy::sim
