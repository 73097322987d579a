// Sums, means, maxima over some or all dimensions.
#include "ops/reduce.h"

#include <algorithm>
#include <array>

#include "core/autograd.h"
#include "core/base/error.h"
#include "core/memory_label.h"
#include "ops/binary_kernels.h"
#include "ops/checks.h"
#include "ops/op.h"
#include "ops/reduce_kernels.h"

namespace convoy {
namespace {

const Op kSum("Sum");
const Op kMean("Mean");
const Op kMax("Max");
const Op kArgMax("ArgMax");

using AxisMask = std::array<bool, Shape::kMaxDims>;

// Dimensions of which neighbours differ in whether they are reduced.
struct Groups {
  std::vector<int64_t> extents;
  std::vector<bool> reduced;

  void Add(int64_t extent, bool is_reduced) {
    if (extent == 1) return;
    if (!extents.empty() && reduced.back() == is_reduced) {
      extents.back() *= extent;
    } else {
      extents.push_back(extent);
      reduced.push_back(is_reduced);
    }
  }
  int64_t Product(size_t begin, size_t end) const {
    int64_t product = 1;
    for (size_t i = begin; i < end; ++i) product *= extents[i];
    return product;
  }
};

// Reduces the dimensions of x marked in `axes` into y: one kernel for each group of neighbouring
// dimensions, last group first, with the results in between in the type of computation.
void ReduceInto(ReduceFunction f, const View& x, const AxisMask& axes, double divisor,
                const View& y) {
  Groups groups;
  for (int i = 0; i < x.ndim(); ++i) groups.Add(x.dim(i), axes[static_cast<size_t>(i)]);
  View source = x;
  Tensor kept;  // what source shows, after the first group
  while (true) {
    const size_t size = groups.extents.size();
    size_t last = size;  // the last reduced group
    while (last > 0 && !groups.reduced[last - 1]) --last;
    if (last == 0) return reduce(x.device(), f, {1, 1, x.numel()}, divisor, source, y);
    const size_t at = last - 1;
    const ReduceForm form = {groups.Product(0, at), groups.extents[at], groups.Product(last, size)};
    if (std::count(groups.reduced.begin(), groups.reduced.end(), true) == 1) {
      return reduce(x.device(), f, form, divisor, source, y);
    }
    const Tensor between =
        Tensor::Empty({form.outer, form.inner}, {ComputeDType(x.dtype()), x.device()});
    reduce(x.device(), f, form, 1, source, between);
    Groups rest;
    for (size_t i = 0; i < size; ++i) {
      if (i != at) rest.Add(groups.extents[i], groups.reduced[i]);
    }
    groups = std::move(rest);
    kept = between;
    source = kept;
  }
}

// A reduction's shapes: with the reduced dimensions of extent 1, and as the user gets it.
struct Reduction {
  AxisMask axes{};
  int64_t count = 1;  // elements that make one
  Shape kept;
  Shape result;
};

Reduction PlanReduction(const char* op, const Tensor& x, const std::vector<int>& axes,
                        bool keep_dims) {
  CheckFloating(op, {"x", x});
  Reduction plan;
  if (axes.empty()) plan.axes.fill(true);
  for (const int axis : axes) {
    CONVOY_CHECK(axis >= -x.ndim() && axis < x.ndim(), "[{}] axis {} does not exist in shape {}",
                 op, axis, x.shape().ToString());
    bool& seen = plan.axes[static_cast<size_t>(x.shape().Axis(axis))];
    CONVOY_CHECK(!seen, "[{}] axis {} is given twice for shape {}", op, axis, x.shape().ToString());
    seen = true;
  }
  std::vector<int64_t> kept, result;
  for (int i = 0; i < x.ndim(); ++i) {
    const bool reduced = plan.axes[static_cast<size_t>(i)];
    if (reduced) plan.count *= x.dim(i);
    kept.push_back(reduced ? 1 : x.dim(i));
    if (!reduced || keep_dims) result.push_back(kept.back());
  }
  plan.kept = Shape(kept);
  plan.result = Shape(result);
  return plan;
}

Tensor SumOver(const Op& op, const Tensor& x, const Reduction& plan, double divisor) {
  const OpScope scope(op.name());
  const Tensor y = Tensor::Empty(plan.result, x.options());
  ReduceInto(ReduceFunction::kSum, x, plan.axes, divisor, y);
  return Record(op.name(), y, {x}, [kept = plan.kept, divisor](BackwardPass& pass) {
    pass.Write(0, [&](const Tensor& dx) {
      binary_forward(dx.device(), BinaryFunction::kDiv, Operand::Of(pass.grad().View(kept)),
                     Operand::Constant(divisor), dx);
    });
  });
}

}  // namespace

void SumTo(const View& x, const View& y) {
  AxisMask axes{};
  for (int i = 1; i <= x.ndim(); ++i) {
    axes[static_cast<size_t>(x.ndim() - i)] = i > y.ndim() || (y.dim(-i) == 1 && x.dim(-i) != 1);
  }
  ReduceInto(ReduceFunction::kSum, x, axes, 1, y);
}

Tensor Sum(const Tensor& x, const std::vector<int>& axes, bool keep_dims) {
  return SumOver(kSum, x, PlanReduction(kSum.name(), x, axes, keep_dims), 1);
}

Tensor Mean(const Tensor& x, const std::vector<int>& axes, bool keep_dims) {
  const Reduction plan = PlanReduction(kMean.name(), x, axes, keep_dims);
  return SumOver(kMean, x, plan, static_cast<double>(plan.count));
}

Tensor Max(const Tensor& x, const std::vector<int>& axes, bool keep_dims) {
  const OpScope scope(kMax.name());
  const Reduction plan = PlanReduction(kMax.name(), x, axes, keep_dims);
  CONVOY_CHECK(plan.count > 0, "[Max] no element to choose from in shape {}", x.shape().ToString());
  const Tensor y = Tensor::Empty(plan.result, x.options());
  ReduceInto(ReduceFunction::kMax, x, plan.axes, 1, y);
  return Record(
      kMax.name(), y, {x}, [x, y = y.View(plan.kept), axes = plan.axes](BackwardPass& pass) {
        const Device device = x.device();
        const Tensor winners = Tensor::Empty(x.shape(), x.options());  // 1 or 0
        binary_forward(device, BinaryFunction::kEqual, Operand::Of(x), Operand::Of(y), winners);
        const Tensor share = Tensor::Empty(y.shape(), y.options());
        ReduceInto(ReduceFunction::kSum, winners, axes, 1, share);
        binary_forward(device, BinaryFunction::kDiv, Operand::Of(pass.grad().View(y.shape())),
                       Operand::Of(share), share);
        binary_gradient(device, BinaryFunction::kMul, Side::kLhs, winners, Operand::Constant(0),
                        Operand::Of(share), pass.Target(0));
      });
}

Tensor ArgMax(const Tensor& x, int axis, bool keep_dims) {
  const OpScope scope(kArgMax.name());
  const Reduction plan = PlanReduction(kArgMax.name(), x, {axis}, keep_dims);
  CONVOY_CHECK(plan.count > 0, "[ArgMax] no element to choose from in shape {}",
               x.shape().ToString());
  const int at = x.shape().Axis(axis);
  const Tensor y = Tensor::Empty(plan.result, {DType::kI64, x.device()});
  arg_max(x.device(), {x.shape().Product(0, at), x.dim(at), x.shape().Product(at + 1, x.ndim())}, x,
          y);
  return y;
}

}  // namespace convoy
