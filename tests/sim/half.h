// bf16 for the simulated libraries; f16 is the compiler's _Float16.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

namespace convoy::sim {

struct BFloat16 {
  uint16_t bits;
  BFloat16(float value) {  // NOLINT: as wanted
    const uint32_t wide = std::bit_cast<uint32_t>(value);
    bits = static_cast<uint16_t>(std::isnan(value) ? wide >> 16 | 0x40
                                                   : (wide + 0x7fff + (wide >> 16 & 1)) >> 16);
  }
  operator float() const { return std::bit_cast<float>(uint32_t{bits} << 16); }  // NOLINT
};

}  // namespace convoy::sim
