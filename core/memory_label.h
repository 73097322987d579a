// What the memory that this thread allocates is for, so that "out of memory" can say who holds it.
#pragma once

namespace convoy {

/// The name of an op ("MatMul"), of its backward, or of a purpose ("parameters"). `what` is a
/// string literal, or null for memory that nobody has named.
struct MemoryPurpose {
  const char* what = nullptr;
  bool backward = false;
  bool operator==(const MemoryPurpose&) const = default;
};

/// While one is alive, everything that this thread allocates is for `what`, whatever ops run.
class MemoryLabel {
 public:
  explicit MemoryLabel(const char* what, bool backward = false);
  ~MemoryLabel();
  MemoryLabel(const MemoryLabel&) = delete;
  MemoryLabel& operator=(const MemoryLabel&) = delete;

 private:
  MemoryPurpose before_;
  bool fixed_before_;
};

/// The purpose to which this thread's allocations are attributed now.
MemoryPurpose CurrentMemoryPurpose();

/// Every op holds an OpScope while it runs. Memory allocated meanwhile is attributed to `op` (a
/// string literal), unless a MemoryLabel says otherwise. Costs two thread-local stores.
class OpScope {
 public:
  explicit OpScope(const char* op);
  ~OpScope();
  OpScope(const OpScope&) = delete;
  OpScope& operator=(const OpScope&) = delete;

 private:
  MemoryPurpose before_;
};

}  // namespace convoy
