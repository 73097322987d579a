// CPU kernel that adds up the partial sums over chunks of rows.
#include "ops/sum_parts.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/cpu/sum_parts.cc"
#include "hwy/foreach_target.h"
#include "ops/cpu/rows-inl.h"
#include "ops/cpu/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace convoy::HWY_NAMESPACE {

void SumParts(const View& parts, const GradTarget& to) {
  const int64_t n = parts.dim(1);
  DispatchFloating(to.tensor.dtype(), "SumParts", [&]<typename T>(T) {
    using C = ComputeType<T>;
    ParallelFor(to.tensor.device(), n, kRowGrain, [&](int64_t begin, int64_t end) {
      constexpr int64_t kColumns = 256;
      C sums[kColumns];
      for (int64_t at = begin; at < end; at += kColumns) {
        const size_t count = static_cast<size_t>(std::min(kColumns, end - at));
        std::fill_n(sums, count, C{0});
        for (int64_t chunk = 0; chunk < parts.dim(0); ++chunk) {
          MapLanes(
              count, sums, [](auto, auto a, auto b) HWY_ATTR { return hn::Add(a, b); },
              static_cast<const C*>(sums), static_cast<const C*>(parts.data<C>() + chunk * n + at));
        }
        T* out = to.tensor.data<T>() + at;
        for (size_t i = 0; i < count; ++i) {
          const C old = to.accumulate ? static_cast<C>(out[i]) : C{0};
          out[i] = static_cast<T>(old + sums[i]);
        }
      }
    });
  });
}

}  // namespace convoy::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include "ops/cpu/dispatch.h"

namespace convoy {

CONVOY_CPU_KERNEL(sum_parts, SumParts);

}  // namespace convoy
#endif  // HWY_ONCE
