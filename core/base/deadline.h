// How long something has gone on, against the time it may take.
#pragma once

#include <algorithm>
#include <chrono>

namespace convoy {

class Deadline {
 public:
  explicit Deadline(double seconds) : seconds_(seconds) {}
  bool passed() const { return elapsed_s() > seconds_; }
  double elapsed_s() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }
  /// The whole time it allows.
  double allowed_s() const { return seconds_; }
  /// What is left; 0 once it has passed.
  double remaining_s() const { return std::max(0.0, seconds_ - elapsed_s()); }

 private:
  double seconds_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace convoy
