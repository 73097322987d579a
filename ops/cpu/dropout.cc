// CPU kernel of Dropout: Philox4x32-10 with one block per vector lane.
#include "ops/dropout_kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/cpu/dropout.cc"
#include "hwy/foreach_target.h"
#include "ops/cpu/rows-inl.h"
#include "ops/cpu/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace convoy::HWY_NAMESPACE {

using Tag32 = hn::ScalableTag<uint32_t>;
using Vec32 = hn::Vec<Tag32>;

// Upper and lower halves of the products of each lane with `factor`.
HWY_INLINE void MulWide(Vec32 v, Vec32 factor, Vec32& high, Vec32& low) {
  const Tag32 d32;
  const hn::Repartition<uint64_t, Tag32> d64;
  const auto even = hn::MulEven(v, factor);
  const auto odd = hn::MulEven(hn::BitCast(d32, hn::ShiftRight<32>(hn::BitCast(d64, v))), factor);
  high = hn::OddEven(hn::BitCast(d32, odd), hn::BitCast(d32, hn::ShiftRight<32>(even)));
  low = hn::OddEven(hn::BitCast(d32, hn::ShiftLeft<32>(odd)), hn::BitCast(d32, even));
}

// Elements whose numbers are drawn at a time: a whole number of vectors of blocks of four.
inline constexpr int64_t kDrawn = 256;
static_assert(kDrawn % (4 * hn::MaxLanes(Tag32())) == 0);

// uniform[i] = ToUniform(number 4 * block + i of the stream) for i in [0, kDrawn), as
// RandomStream::Block gives them.
void DrawUniform(const RandomStream& stream, uint64_t block, float* uniform) {
  const Tag32 d;
  const hn::RebindToFloat<Tag32> df;
  const hn::RebindToSigned<Tag32> di;
  const uint64_t lanes = hn::Lanes(d);
  const auto to_uniform = [&](Vec32 bits) HWY_ATTR {
    const auto upper = hn::BitCast(di, hn::ShiftRight<8>(bits));
    return hn::Mul(hn::ConvertTo(df, upper), hn::Set(df, 0x1p-24f));
  };
  // A draw starts at a multiple of kDrawn / 4 blocks, so the lower half of the index cannot
  // overflow within it.
  const Vec32 block_high = hn::Set(d, static_cast<uint32_t>(block >> 32));
  for (uint64_t i = 0; i < kDrawn / 4; i += lanes) {
    Vec32 c0 = hn::Iota(d, static_cast<uint32_t>(block + i));
    Vec32 c1 = block_high;
    Vec32 c2 = hn::Set(d, static_cast<uint32_t>(stream.stream));
    Vec32 c3 = hn::Set(d, static_cast<uint32_t>(stream.stream >> 32));
    uint32_t k0 = static_cast<uint32_t>(stream.seed);
    uint32_t k1 = static_cast<uint32_t>(stream.seed >> 32);
    for (int round = 0; round < 10; ++round) {
      Vec32 high0, low0, high1, low1;
      MulWide(c0, hn::Set(d, 0xD2511F53u), high0, low0);
      MulWide(c2, hn::Set(d, 0xCD9E8D57u), high1, low1);
      c0 = hn::Xor(hn::Xor(high1, c1), hn::Set(d, k0));
      c1 = low1;
      c2 = hn::Xor(hn::Xor(high0, c3), hn::Set(d, k1));
      c3 = low0;
      k0 += 0x9E3779B9u;
      k1 += 0xBB67AE85u;
    }
    hn::StoreInterleaved4(to_uniform(c0), to_uniform(c1), to_uniform(c2), to_uniform(c3), df,
                          uniform + 4 * i);
  }
}

void DropoutOnCpu(const Tensor& x, double p, const RandomStream& stream, const GradTarget& y) {
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
