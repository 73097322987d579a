// Division in kernels by numbers that are fixed for a launch.
#pragma once

#include <bit>
#include <cstdint>

#include "core/host_device.h"

namespace convoy::cuda {

/// A divisor. Dividends below 2^31 take a multiplication and a shift (Granlund and Montgomery),
/// others the division of 64-bit numbers, which a GPU has no instruction for.
class Divider {
 public:
  Divider() = default;
  explicit Divider(int64_t divisor) : divisor_(divisor) {
    is_small_ = divisor > 0 && divisor <= INT32_MAX;
    if (!is_small_) return;
    const auto d = static_cast<uint64_t>(divisor);
    shift_ = static_cast<uint32_t>(std::bit_width(d - 1));
    magic_ = static_cast<uint32_t>((((uint64_t{1} << shift_) - d) << 32) / d + 1);
  }

  CONVOY_HOST_DEVICE int64_t divisor() const { return divisor_; }

  /// n / divisor; n is not negative.
  CONVOY_HOST_DEVICE int64_t Quotient(int64_t n) const {
    if (is_small_ && n <= INT32_MAX) {
      const auto small = static_cast<uint32_t>(n);
      const auto product = static_cast<uint32_t>(uint64_t{small} * magic_ >> 32);
      return (product + small) >> shift_;
    }
    return n / divisor_;
  }

 private:
  int64_t divisor_ = 1;
  uint32_t magic_ = 1;
  uint32_t shift_ = 0;
  bool is_small_ = true;
};

}  // namespace convoy::cuda
