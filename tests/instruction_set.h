// Runs kernels with one instruction set after the other.
#pragma once

#include <hwy/highway.h>

#include <cstdint>

namespace convoy {

/// Restricts Highway to one instruction set, of hwy::SupportedAndGeneratedTargets(), and lifts that
/// at the end.
class OnlyTarget {
 public:
  explicit OnlyTarget(int64_t target) { Set(target); }
  ~OnlyTarget() { Set(0); }
  OnlyTarget(const OnlyTarget&) = delete;
  OnlyTarget& operator=(const OnlyTarget&) = delete;

 private:
  static void Set(int64_t target) {
    hwy::SetSupportedTargetsForTest(target);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
  }
};

}  // namespace convoy
