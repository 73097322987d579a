// Waiting for what another thread or process is about to do.
#pragma once

#include <chrono>
#include <functional>
#include <thread>

#include "core/base/deadline.h"

namespace convoy {

inline bool Eventually(const std::function<bool()>& condition, double timeout_s = 20) {
  for (const Deadline deadline(timeout_s); !condition();) {
    if (deadline.passed()) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

}  // namespace convoy
