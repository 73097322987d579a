// How Permute moves elements: what its kernels for all devices start from.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "core/view.h"

namespace convoy {

/// One dimension of the result: its extent, and how far a step along it moves in x and in y.
struct PermuteDim {
  int64_t extent = 1;
  int64_t from_stride = 0;
  int64_t to_stride = 0;
};

/// The dimensions of the result, outermost first, with extents of 1 dropped and neighbours merged
/// that are neighbours in x too.
struct PermutePlan {
  std::array<PermuteDim, Shape::kMaxDims> dims{};
  int ndim = 0;

  const PermuteDim& operator[](int i) const { return dims[static_cast<size_t>(i)]; }
  PermuteDim& back() { return dims[static_cast<size_t>(ndim - 1)]; }
  void Erase(int i);
  int64_t Numel() const;
  /// The dimension that is contiguous in x.
  int InnerOfX() const;

  /// Takes runs of 2, 4, ... `widest` bytes in all for single elements if `x` and `y` are aligned
  /// for that; returns the new size of an element, which was `size`.
  int64_t WidenElements(int64_t size, int64_t widest, const void* x, const void* y);
};

/// Dimension i of the result is dimension axes[i] of x.
PermutePlan PlanPermute(const View& x, const std::vector<int>& axes);

}  // namespace convoy
