// Products of f32 matrices whose result has few rows or few columns, summed in blocks.
#pragma once

#include <cstdint>

namespace convoy {

/// The most rows (or columns) of such a result.
inline constexpr int64_t kMaxThin = 4;

/// c[i * wide_step + j * thin_step] (+)= the sum over k of wide(i, k) * thin(j, k), plus
/// bias[i * bias_wide_step + j * bias_thin_step] if there is a bias.
struct ThinProduct {
  int64_t wide_count, thin_count, depth;  ///< thin_count is 1 .. kMaxThin
  /// wide(i, k) is wide[i * wide_stride + k], or wide[k * wide_stride + i] if it lies by depth.
  const float* wide;
  int64_t wide_stride;
  bool wide_by_depth;
  const float* thin;  ///< thin(j, k) is thin[j * depth + k]
  float* c;
  int64_t wide_step, thin_step;
  bool accumulate;
  const float* bias = nullptr;
  int64_t bias_wide_step = 0, bias_thin_step = 0;
};

/// On one thread. An element's sum is the same whatever the other elements are, so that a product
/// may be cut for several threads; at most some dozens of terms are added one after the other
/// before they are added to another partial sum.
void RunThinProduct(const ThinProduct& product);

}  // namespace convoy
