// Division in kernels by numbers that are fixed for a launch.
#pragma once

#include <bit>
#include <cstdint>

#include "core/cuda/kernel.h"

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

#if defined(CONVOY_SIM) || defined(__CUDACC__)
  __device__ __forceinline__ int64_t divisor() const { return divisor_; }

  /// n / divisor; n is not negative.
  __device__ __forceinline__ int64_t Quotient(int64_t n) const {
    if (is_small_ && n <= INT32_MAX) {
      const uint32_t small = static_cast<uint32_t>(n);
      return (__umulhi(small, magic_) + small) >> shift_;
    }
    return n / divisor_;
  }
#endif

 private:
  int64_t divisor_ = 1;
  uint32_t magic_ = 1;
  uint32_t shift_ = 0;
  bool is_small_ = true;
};

}  // namespace convoy::cuda
