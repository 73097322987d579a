// Ops that move elements without changing them: reshape, transpose, permute, slice, concat, split.
#include "ops/shape_ops.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "core/autograd.h"
#include "core/base/error.h"
#include "core/memory_label.h"
#include "ops/checks.h"
#include "ops/op.h"
#include "ops/shape_kernels.h"

namespace convoy {
namespace {

const Op kReshape("Reshape");
const Op kTranspose("Transpose");
const Op kPermute("Permute");
const Op kSlice("Slice");
const Op kConcat("Concat");
const Op kSplit("Split");

void CheckDefined(const Op& op, const Tensor& x) {
  CONVOY_CHECK(x.defined(), "[{}] x is an undefined tensor", op.name());
}

// The shape that is wanted, with a -1 worked out.
Shape ResolveShape(const Tensor& x, std::vector<int64_t> dims) {
  const auto text = [&] { return fmt::format("({})", fmt::join(dims, ", ")); };
  const auto unknown = std::find(dims.begin(), dims.end(), -1);
  if (unknown != dims.end()) {
    int64_t known = 1;
    for (auto it = dims.begin(); it != dims.end(); ++it) known *= it == unknown ? 1 : *it;
    CONVOY_CHECK(known > 0 && x.numel() % known == 0,
                 "[Reshape] cannot work out the -1 of {} for {} elements of shape {}", text(),
                 x.numel(), x.shape().ToString());
    *unknown = x.numel() / known;
  }
  const Shape shape(dims);
  CONVOY_CHECK(shape.numel() == x.numel(), "[Reshape] {} has {} elements, {} wants {}",
               x.shape().ToString(), x.numel(), shape.ToString(), shape.numel());
  return shape;
}

// A permutation that has been checked, recorded under the name of `op`.
Tensor PermuteAs(const Op& op, const Tensor& x, const std::vector<int>& axes) {
  const OpScope scope(op.name());
  std::vector<int64_t> dims;
  std::vector<int> inverse(axes.size());
  for (size_t i = 0; i < axes.size(); ++i) {
    dims.push_back(x.dim(axes[i]));
    inverse[static_cast<size_t>(axes[i])] = static_cast<int>(i);
  }
  const Tensor y = Tensor::Empty(Shape(dims), x.options());
  permute(x.device(), x, axes, y);
  return Record(op.name(), y, {x}, [inverse](BackwardPass& pass) {
    pass.Write(0, [&](const Tensor& dx) { permute(dx.device(), pass.grad(), inverse, dx); });
  });
}

SliceRange RangeOf(const Shape& shape, int axis, int64_t begin, int64_t end) {
  return {.outer = shape.Product(0, axis),
          .extent = shape[axis],
          .inner = shape.Product(axis + 1, shape.ndim()),
          .begin = begin,
          .end = end};
}

// A slice that has been checked, recorded under the name of `op`.
Tensor SliceAs(const Op& op, const Tensor& x, int axis, int64_t begin, int64_t end) {
  const OpScope scope(op.name());
  const SliceRange range = RangeOf(x.shape(), axis, begin, end);
  const Shape shape = x.shape().With(axis, end - begin);
  Tensor y;
  if (axis == 0) {
    y = x.View(shape, begin * range.inner);
  } else {
    y = Tensor::Empty(shape, x.options());
    take_slice(x.device(), x, range, {y, false});
  }
  return Record(op.name(), y, {x}, [range](BackwardPass& pass) {
    const GradTarget dx = pass.Target(0);
    put_slice(dx.tensor.device(), pass.grad(), range,
              dx.accumulate ? PutMode::kAdd : PutMode::kCopyZeroRest, dx.tensor);
  });
}

// Checks that the tensors can be joined along `axis`; the shape of the result.
Shape ConcatShape(std::span<const Tensor> tensors, int axis) {
  const Tensor& first = tensors[0];
  int64_t extent = 0;
  for (size_t i = 0; i < tensors.size(); ++i) {
    const Tensor& tensor = tensors[i];
    const std::string name = fmt::format("tensor {}", i);
    CONVOY_CHECK(tensor.defined(), "[Concat] {} is an undefined tensor", name);
    CheckSameKind(kConcat.name(), {{"tensor 0", first}, {name, tensor}});
    const bool fits = tensor.ndim() == first.ndim() &&
                      tensor.shape().With(axis, 0) == first.shape().With(axis, 0);
    CONVOY_CHECK(fits, "[Concat] shapes differ beside dimension {}: tensor 0 {}, {} {}", axis,
                 first.shape().ToString(), name, tensor.shape().ToString());
    extent += tensor.dim(axis);
  }
  return first.shape().With(axis, extent);
}

}  // namespace

Tensor Reshape(const Tensor& x, const std::vector<int64_t>& shape) {
  CheckDefined(kReshape, x);
  return Record(kReshape.name(), x.View(ResolveShape(x, shape)), {x},
                [from = x.shape()](BackwardPass& pass) { pass.Pass(0, pass.grad().View(from)); });
}

Tensor Transpose(const Tensor& x, int axis0, int axis1) {
  CheckDefined(kTranspose, x);
  std::vector<int> axes(static_cast<size_t>(x.ndim()));
  std::iota(axes.begin(), axes.end(), 0);
  std::swap(axes[static_cast<size_t>(x.shape().Axis(axis0))],
            axes[static_cast<size_t>(x.shape().Axis(axis1))]);
  return PermuteAs(kTranspose, x, axes);
}

Tensor Permute(const Tensor& x, const std::vector<int>& axes) {
  CheckDefined(kPermute, x);
  std::vector<int> positive;
  for (const int axis : axes) positive.push_back(x.shape().Axis(axis));
  std::vector<int> sorted = positive;
  std::sort(sorted.begin(), sorted.end());
  const bool once = std::adjacent_find(sorted.begin(), sorted.end()) == sorted.end();
  CONVOY_CHECK(once && static_cast<int>(axes.size()) == x.ndim(),
               "[Permute] axes must name each dimension of {} once, got ({})", x.shape().ToString(),
               fmt::join(axes, ", "));
  return PermuteAs(kPermute, x, positive);
}

Tensor Slice(const Tensor& x, int axis, int64_t begin, int64_t end) {
  CheckDefined(kSlice, x);
  axis = x.shape().Axis(axis);
  CONVOY_CHECK(0 <= begin && begin <= end && end <= x.dim(axis),
               "[Slice] [{}, {}) does not lie within dimension {} of {}", begin, end, axis,
               x.shape().ToString());
  return SliceAs(kSlice, x, axis, begin, end);
}

Tensor Concat(std::span<const Tensor> tensors, int axis) {
  const OpScope scope(kConcat.name());
  CONVOY_CHECK(!tensors.empty(), "[Concat] wants at least one tensor");
  CONVOY_CHECK(tensors[0].defined(), "[Concat] tensor 0 is an undefined tensor");
  axis = tensors[0].shape().Axis(axis);
  const Shape shape = ConcatShape(tensors, axis);
  const Tensor y = Tensor::Empty(shape, tensors[0].options());
  std::vector<SliceRange> ranges;
  for (const Tensor& tensor : tensors) {
    const int64_t begin = ranges.empty() ? 0 : ranges.back().end;
    ranges.push_back(RangeOf(shape, axis, begin, begin + tensor.dim(axis)));
    put_slice(y.device(), tensor, ranges.back(), PutMode::kCopy, y);
  }
  return Record(kConcat.name(), y, tensors,
                [ranges = std::move(ranges), shape, axis](BackwardPass& pass) {
                  for (size_t i = 0; i < ranges.size(); ++i) {
                    const int input = static_cast<int>(i);
                    const SliceRange& range = ranges[i];
                    if (!pass.Needs(input)) continue;
                    if (axis == 0) {
                      pass.Pass(input, pass.grad().View(shape.With(0, range.end - range.begin),
                                                        range.begin * range.inner));
                    } else {
                      take_slice(pass.grad().device(), pass.grad(), range, pass.Target(input));
                    }
                  }
                });
}

std::vector<Tensor> Split(const Tensor& x, const std::vector<int64_t>& sizes, int axis) {
  CheckDefined(kSplit, x);
  axis = x.shape().Axis(axis);
  int64_t sum = 0;
  for (const int64_t size : sizes) {
    CONVOY_CHECK(size >= 0, "[Split] negative size {}", size);
    sum += size;
  }
  CONVOY_CHECK(sum == x.dim(axis), "[Split] sizes ({}) add up to {}, dimension {} of {} is {}",
               fmt::join(sizes, ", "), sum, axis, x.shape().ToString(), x.dim(axis));
  std::vector<Tensor> parts;
  int64_t begin = 0;
  for (const int64_t size : sizes) {
    parts.push_back(SliceAs(kSplit, x, axis, begin, begin + size));
    begin += size;
  }
  return parts;
}

}  // namespace convoy
