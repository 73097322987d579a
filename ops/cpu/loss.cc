// CPU kernels of CrossEntropy: one row at a time, vectorised along it.
#include "core/workspace.h"
#include "ops/loss_kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/cpu/loss.cc"
#include "hwy/foreach_target.h"
#include "ops/cpu/rows-inl.h"
#include "ops/cpu/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace convoy::HWY_NAMESPACE {

// The number of rows that count. Throws if one of their labels is out of range.
inline int64_t CountRows(const View& labels, int64_t classes, std::optional<int32_t> ignore) {
  const int32_t* label = labels.data<int32_t>();
  int64_t count = 0;
  for (int64_t row = 0; row < labels.numel(); ++row) {
    if (ignore && label[row] == *ignore) continue;
    CONVOY_CHECK(label[row] >= 0 && label[row] < classes,
                 "[CrossEntropy] label {} of row {} lies outside [0, {}); rows to leave out want "
                 "the label ignore_index",
                 label[row], row, classes);
    ++count;
  }
  return count;
}

void CrossEntropyForward(const View& logits, const View& labels, std::optional<int32_t> ignore,
                         const View& loss, const View& softmax, const View& weight) {
  const int64_t count = CountRows(labels, logits.dim(1), ignore);
  const int32_t* label = labels.data<int32_t>();
  const Workspace losses = Workspace::Empty(labels.shape(), {DType::kF64, labels.device()});
  double* row_loss = losses.data<double>();
  ForEachRow("CrossEntropy", logits, [&]<typename T>(T, int64_t row, size_t n) HWY_ATTR {
    using C = ComputeType<T>;
    row_loss[row] = 0;
    if (ignore && label[row] == *ignore) return;
    const T* x = logits.data<T>() + row * static_cast<int64_t>(n);
    const C shift = SoftmaxShift(n, x);
    const C sum = SumOver<T>(n, ShiftedExp<C>{shift}, x);
    softmax.data<C>()[2 * row] = shift;
    softmax.data<C>()[2 * row + 1] = 1 / sum;
    row_loss[row] = (double{shift} - static_cast<double>(static_cast<C>(x[label[row]]))) +
                    static_cast<double>(std::log(sum));
  });
  // In the order of the rows, whatever thread made them. Without classes no row counts.
  double sum = 0;
  for (int64_t row = 0; count > 0 && row < labels.numel(); ++row) sum += row_loss[row];
  const double scale = count > 0 ? 1.0 / static_cast<double>(count) : 0.0;
  DispatchFloating(loss.dtype(), "CrossEntropy", [&]<typename T>(T) {
    using C = ComputeType<T>;
    *loss.data<T>() = static_cast<T>(static_cast<C>(sum * scale));
    *weight.data<T>() = static_cast<T>(static_cast<C>(scale));
  });
}

void CrossEntropyBackward(const View& dloss, const View& logits, const View& labels,
                          std::optional<int32_t> ignore, const View& softmax, const View& weight,
                          const GradTarget& dlogits) {
  const int32_t* label = labels.data<int32_t>();
  ForEachRow("CrossEntropy", logits, [&]<typename T>(T, int64_t row, size_t n) HWY_ATTR {
    using C = ComputeType<T>;
    const int64_t at = row * static_cast<int64_t>(n);
    const T* x = logits.data<T>() + at;
    T* dx = dlogits.tensor.data<T>() + at;
    if (ignore && label[row] == *ignore) {
      if (!dlogits.accumulate) std::fill_n(dx, n, T{});
      return;
    }
    const C scale = *dloss.data<C>() * *weight.data<C>();
    const ShiftedExp<C> exp{softmax.data<C>()[2 * row]};
    const C inverse = softmax.data<C>()[2 * row + 1];
    const C factor = scale * inverse;
    // The label's own element is worked out apart, so that it is rounded once.
    const int32_t own = label[row];
    const C probability = std::exp(static_cast<C>(x[own]) - exp.shift) * inverse;
    const C before = dlogits.accumulate ? static_cast<C>(dx[own]) : C{0};
    StoreGrad(
        n, dx, dlogits.accumulate,
        [exp, factor](auto d, auto v) HWY_ATTR { return hn::Mul(exp(d, v), hn::Set(d, factor)); },
        x);
    dx[own] = static_cast<T>(before + (probability - 1) * scale);
  });
}

}  // namespace convoy::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include "ops/cpu/dispatch.h"

namespace convoy {

CONVOY_CPU_KERNEL(cross_entropy_forward, CrossEntropyForward);
CONVOY_CPU_KERNEL(cross_entropy_backward, CrossEntropyBackward);

}  // namespace convoy
#endif  // HWY_ONCE
