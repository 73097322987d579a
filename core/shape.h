// The extents of a tensor: up to eight dimensions, stored in place.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <vector>

namespace convoy {

/// Extents, outermost first. A scalar has no dimensions and one element; an extent may be zero.
/// Throws: Error on more than kMaxDims dimensions, a negative extent, or a product over 2^62.
class Shape {
 public:
  static constexpr int kMaxDims = 8;

  Shape() = default;
  Shape(std::initializer_list<int64_t> dims) : Shape(std::span(dims.begin(), dims.size())) {}
  explicit Shape(std::span<const int64_t> dims);
  explicit Shape(const std::vector<int64_t>& dims) : Shape(std::span(dims.data(), dims.size())) {}

  int ndim() const { return ndim_; }
  int64_t numel() const { return numel_; }

  /// Extent of dimension `i`; negative counts from the end. Throws: Error if out of range.
  int64_t operator[](int i) const { return dims_[Axis(i)]; }

  /// `i` as a non-negative dimension index. Throws: Error if it is not in [-ndim, ndim).
  int Axis(int i) const;

  /// Product of the extents in [begin, end).
  int64_t Product(int begin, int end) const;

  const int64_t* begin() const { return dims_.data(); }
  const int64_t* end() const { return dims_.data() + ndim_; }
  std::vector<int64_t> ToVector() const { return {begin(), end()}; }

  /// This shape with dimension `i` set to `extent`.
  Shape With(int i, int64_t extent) const;

  /// "(32, 784)"; a scalar is "()".
  std::string ToString() const;

  bool operator==(const Shape& other) const = default;

 private:
  std::array<int64_t, kMaxDims> dims_{};
  int ndim_ = 0;
  int64_t numel_ = 1;
};

/// The shape that `a` and `b` broadcast to (trailing dimensions aligned; 1 stretches).
/// Throws: Error starting with `[op]` if they do not.
Shape BroadcastShapes(const char* op, const Shape& a, const Shape& b);

}  // namespace convoy
