// CPU kernels of Softmax and LogSoftmax: one row at a time, vectorised along it.
#include "ops/softmax_kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/cpu/softmax.cc"
#include "hwy/foreach_target.h"
#include "ops/cpu/rows-inl.h"
#include "ops/cpu/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace convoy::HWY_NAMESPACE {

void SoftmaxForward(const View& x, const View& y) {
  ForEachRow("Softmax", x, [&]<typename T>(T, int64_t row, size_t n) HWY_ATTR {
    const T* in = x.data<T>() + row * static_cast<int64_t>(n);
    T* out = y.data<T>() + row * static_cast<int64_t>(n);
    const ShiftedExp<ComputeType<T>> exp{SoftmaxShift(n, in)};
    if constexpr (std::is_same_v<T, ComputeType<T>>) {
      MapLanes(n, out, exp, in);
      const T scale = 1 / SumOver<T>(
                              n, [](auto, auto v) HWY_ATTR { return v; }, out);
      MapLanes(
          n, out, [scale](auto d, auto v) HWY_ATTR { return hn::Mul(v, hn::Set(d, scale)); }, out);
    } else {  // twice the exponential, rather than a sum of rounded values
      const ComputeType<T> scale = 1 / SumOver<T>(n, exp, in);
      MapLanes(
          n, out, [&](auto d, auto v) HWY_ATTR { return hn::Mul(exp(d, v), hn::Set(d, scale)); },
          in);
    }
  });
}

void SoftmaxBackward(const View& dy, const View& y, const GradTarget& dx) {
  ForEachRow("Softmax", y, [&]<typename T>(T, int64_t row, size_t n) HWY_ATTR {
    const int64_t at = row * static_cast<int64_t>(n);
    const T* g = dy.data<T>() + at;
    const T* p = y.data<T>() + at;
    const auto dot = SumOver<T>(
        n, [](auto, auto a, auto b) HWY_ATTR { return hn::Mul(a, b); }, g, p);
    StoreGrad(
        n, dx.tensor.data<T>() + at, dx.accumulate,
        [dot](auto d, auto a, auto b) HWY_ATTR { return hn::Mul(b, hn::Sub(a, hn::Set(d, dot))); },
        g, p);
  });
}

void LogSoftmaxForward(const View& x, const View& y) {
  ForEachRow("LogSoftmax", x, [&]<typename T>(T, int64_t row, size_t n) HWY_ATTR {
    const int64_t at = row * static_cast<int64_t>(n);
    const T* in = x.data<T>() + at;
    using C = ComputeType<T>;
    const C shift = SoftmaxShift(n, in);
    const C log_sum = std::log(SumOver<T>(n, ShiftedExp<C>{shift}, in));
    // One after the other: shift + log_sum would be rounded to the precision of a large shift.
    MapLanes(
        n, y.data<T>() + at,
        [shift, log_sum](auto d, auto v)
            HWY_ATTR { return hn::Sub(hn::Sub(v, hn::Set(d, shift)), hn::Set(d, log_sum)); },
        in);
  });
}

void LogSoftmaxBackward(const View& dy, const View& y, const GradTarget& dx) {
  ForEachRow("LogSoftmax", y, [&]<typename T>(T, int64_t row, size_t n) HWY_ATTR {
    const int64_t at = row * static_cast<int64_t>(n);
    const T* g = dy.data<T>() + at;
    const T* p = y.data<T>() + at;
    const auto sum = SumOver<T>(
        n, [](auto, auto a) HWY_ATTR { return a; }, g);
    StoreGrad(
        n, dx.tensor.data<T>() + at, dx.accumulate,
        [sum](auto d, auto a, auto b)
            HWY_ATTR { return hn::NegMulAdd(Simd<decltype(d)>{d}.Exp(b), hn::Set(d, sum), a); },
        g, p);
  });
}

}  // namespace convoy::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include "ops/cpu/dispatch.h"

namespace convoy {

CONVOY_CPU_KERNEL(softmax_forward, SoftmaxForward);
CONVOY_CPU_KERNEL(softmax_backward, SoftmaxBackward);
CONVOY_CPU_KERNEL(log_softmax_forward, LogSoftmaxForward);
CONVOY_CPU_KERNEL(log_softmax_backward, LogSoftmaxBackward);

}  // namespace convoy
#endif  // HWY_ONCE
