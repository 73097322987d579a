// What the memory that this thread allocates is for, so that "out of memory" can say who holds it.
#include "core/memory_label.h"

#include <utility>

namespace convoy {
namespace {

thread_local MemoryPurpose current;
thread_local bool fixed = false;  // a MemoryLabel is alive

}  // namespace

MemoryLabel::MemoryLabel(const char* what, bool backward)
    : before_(std::exchange(current, {what, backward})),
      fixed_before_(std::exchange(fixed, true)) {}

MemoryLabel::~MemoryLabel() {
  current = before_;
  fixed = fixed_before_;
}

MemoryPurpose CurrentMemoryPurpose() { return current; }

OpScope::OpScope(const char* op) : before_(current) {
  if (!fixed) current = {op, false};
}

OpScope::~OpScope() { current = before_; }

}  // namespace convoy
