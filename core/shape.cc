// The extents of a tensor: up to eight dimensions, stored in place.
#include "core/shape.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/base/error.h"

namespace convoy {

Shape::Shape(std::span<const int64_t> dims) {
  CONVOY_CHECK(dims.size() <= kMaxDims, "[Shape] at most {} dimensions, got {}", kMaxDims,
               dims.size());
  ndim_ = static_cast<int>(dims.size());
  std::copy(dims.begin(), dims.end(), dims_.begin());
  for (const int64_t dim : dims) {
    CONVOY_CHECK(dim >= 0, "[Shape] negative extent in {}", ToString());
    CONVOY_CHECK(!__builtin_mul_overflow(numel_, dim, &numel_) && numel_ <= int64_t{1} << 62,
                 "[Shape] too many elements in {}", ToString());
  }
}

int Shape::Axis(int i) const {
  CONVOY_CHECK(i >= -ndim_ && i < ndim_, "[Shape] dimension {} does not exist in {}", i,
               ToString());
  return i < 0 ? i + ndim_ : i;
}

int64_t Shape::Product(int begin, int end) const {
  int64_t product = 1;
  for (int i = begin; i < end; ++i) product *= dims_[i];
  return product;
}

Shape Shape::With(int i, int64_t extent) const {
  std::vector<int64_t> dims = ToVector();
  dims[Axis(i)] = extent;
  return Shape(dims);
}

std::string Shape::ToString() const { return fmt::format("({})", fmt::join(begin(), end(), ", ")); }

Shape BroadcastShapes(const char* op, const Shape& a, const Shape& b) {
  const int ndim = std::max(a.ndim(), b.ndim());
  std::vector<int64_t> dims(ndim);
  for (int i = 1; i <= ndim; ++i) {
    const int64_t x = i <= a.ndim() ? a[-i] : 1;
    const int64_t y = i <= b.ndim() ? b[-i] : 1;
    CONVOY_CHECK(x == y || x == 1 || y == 1, "[{}] shapes do not broadcast: lhs {}, rhs {}", op,
                 a.ToString(), b.ToString());
    dims[ndim - i] = x == 1 ? y : x;
  }
  return Shape(dims);
}

}  // namespace convoy
