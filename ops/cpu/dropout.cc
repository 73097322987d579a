// CPU kernel of Dropout.
#include <algorithm>
#include <cmath>

#include "ops/dropout_kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/cpu/dropout.cc"
#include "hwy/foreach_target.h"
// clang-format off: foreach_target.h comes first
#include "core/philox-inl.h"
// clang-format on
#include "ops/cpu/rows-inl.h"
#include "ops/cpu/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace convoy::HWY_NAMESPACE {

// Elements whose numbers are drawn at a time: a whole number of vectors of blocks of four.
inline constexpr int64_t kDrawn = 256;
static_assert(kDrawn % (4 * hn::MaxLanes(PhiloxTag())) == 0);

// uniform[i] = ToUniform(number 4 * block + i of the stream) for i in [0, kDrawn), as
// RandomStream::Block gives them.
void DrawUniform(const RandomStream& stream, uint64_t block, float* uniform) {
  const PhiloxTag d;
  const hn::RebindToFloat<PhiloxTag> df;
  const hn::RebindToSigned<PhiloxTag> di;
  const uint64_t lanes = hn::Lanes(d);
  const auto to_uniform = [&](PhiloxVec bits) HWY_ATTR {
    const auto upper = hn::BitCast(di, hn::ShiftRight<8>(bits));
    return hn::Mul(hn::ConvertTo(df, upper), hn::Set(df, 0x1p-24f));
  };
  for (uint64_t i = 0; i < kDrawn / 4; i += lanes) {
    const PhiloxBlocks b = DrawBlocks(stream, block + i);
    hn::StoreInterleaved4(to_uniform(b.words0), to_uniform(b.words1), to_uniform(b.words2),
                          to_uniform(b.words3), df, uniform + 4 * i);
  }
}

void DropoutOnCpu(const View& x, double p, const RandomStream& stream, const GradTarget& y) {
  const int64_t n = x.numel();
  const int64_t draws = (n + kDrawn - 1) / kDrawn;
  // Uniform numbers are multiples of 2^-24: one is below p if it is below the next multiple.
  const double bound = std::ceil(p * 0x1p24) * 0x1p-24;
  DispatchFloating(x.dtype(), "Dropout", [&]<typename T>(T) {
    using C = ComputeType<T>;
    const C threshold = static_cast<C>(bound);
    const C scale = static_cast<C>(1 / (1 - p));
    ParallelFor(x.device(), draws, kRowGrain / kDrawn, [&](int64_t begin, int64_t end) HWY_ATTR {
      float drawn[kDrawn];
      C uniform[kDrawn];
      for (int64_t draw = begin; draw < end; ++draw) {
        const int64_t at = draw * kDrawn;
        DrawUniform(stream, static_cast<uint64_t>(at / 4), drawn);
        std::copy_n(drawn, kDrawn, uniform);
        StoreGrad(
            static_cast<size_t>(std::min(kDrawn, n - at)), y.tensor.data<T>() + at, y.accumulate,
            [threshold, scale](auto d, auto v, auto u) HWY_ATTR {
              return hn::IfThenZeroElse(hn::Lt(u, hn::Set(d, threshold)),
                                        hn::Mul(v, hn::Set(d, scale)));
            },
            static_cast<const T*>(x.data<T>() + at), static_cast<const C*>(uniform));
      }
    });
  });
}

}  // namespace convoy::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include "ops/cpu/dispatch.h"

namespace convoy {

CONVOY_CPU_KERNEL(dropout, DropoutOnCpu);

}  // namespace convoy
#endif  // HWY_ONCE
