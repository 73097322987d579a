// CPU kernel of Cast.
#include "ops/cast_kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/cpu/cast.cc"
#include <limits>

#include "core/threads.h"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "ops/cpu/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace convoy::HWY_NAMESPACE {

/// One element. The 16-bit floats go by way of f32.
template <typename To, typename From>
To CastOne(From from) {
  const auto value = static_cast<ComputeType<From>>(from);
  using V = std::remove_const_t<decltype(value)>;
  if constexpr (std::is_same_v<To, bool>) {
    return value != V{};
  } else if constexpr (std::is_floating_point_v<V> && std::is_integral_v<To>) {
    if (value != value) return 0;
    // The limits as V: the upper one may be rounded up by that, to what is just out of range.
    constexpr V kLow = static_cast<V>(std::numeric_limits<To>::min());
    constexpr V kHigh = static_cast<V>(std::numeric_limits<To>::max());
    if (value <= kLow) return std::numeric_limits<To>::min();
    if (value >= kHigh) return std::numeric_limits<To>::max();
    return static_cast<To>(value);
  } else {
    return static_cast<To>(static_cast<ComputeType<To>>(value));
  }
}

template <typename To, typename From>
void CastArray(size_t n, const From* from, To* to) {
  size_t i = 0;
  if constexpr (std::is_same_v<ComputeType<From>, float> &&
                std::is_same_v<ComputeType<To>, float>) {
    const hn::ScalableTag<float> d;
    const size_t lanes = hn::Lanes(d);
    for (; i + lanes <= n; i += lanes) StoreAs(LoadAs(d, from + i), d, to + i);
  }
  for (; i < n; ++i) to[i] = CastOne<To>(from[i]);
}

void CastForward(const View& x, const View& y) {
  constexpr int64_t kGrain = 16 << 10;
  DispatchAll(x.dtype(), [&]<typename From>(From) {
    DispatchAll(y.dtype(), [&]<typename To>(To) {
      const From* from = x.data<From>();
      To* to = y.data<To>();
      ParallelFor(x.device(), x.numel(), kGrain, [=](int64_t begin, int64_t end) {
        CastArray(static_cast<size_t>(end - begin), from + begin, to + begin);
      });
    });
  });
}

}  // namespace convoy::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include "ops/cpu/dispatch.h"

namespace convoy {

CONVOY_CPU_KERNEL(cast_forward, CastForward);

}  // namespace convoy
#endif  // HWY_ONCE
