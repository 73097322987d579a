// Uniform and normal values from Philox blocks: each lane of 32 bits draws a block of its own, and
// makes its values in a lane of 64 bits.
#include "core/random_fill.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/random_fill.cc"
#include "hwy/foreach_target.h"
// clang-format off: foreach_target.h comes first
#include "core/philox-inl.h"
// clang-format on
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace convoy::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

using F = hn::ScalableTag<double>;
using U = hn::RebindToUnsigned<F>;
using VF = hn::Vec<F>;
using VU = hn::Vec<U>;

static_assert(internal::kFillBlocks % hn::MaxLanes(PhiloxTag()) == 0);

// Additions and multiplications are kept apart, so that the bits are the same with and without a
// fused multiply-add; all others (division, square root) are rounded correctly everywhere.

HWY_INLINE VF Set(double value) { return hn::Set(F(), value); }
HWY_INLINE VU SetBits(uint64_t value) { return hn::Set(U(), value); }

// An integer below 2^52 as a floating number, less `offset`: it becomes the mantissa of 2^52 + x.
HWY_INLINE VF ToFloating(VU x, double offset) {
  const VF shifted = hn::BitCast(F(), hn::Or(x, hn::BitCast(U(), Set(0x1p52))));
  return hn::Sub(shifted, Set(0x1p52 + offset));
}

// c[0] + c[1] x + ...
template <size_t N>
HWY_INLINE VF Polynomial(const double (&c)[N], VF x) {
  VF sum = Set(c[N - 1]);
  for (size_t i = N - 1; i-- > 0;) sum = hn::Add(hn::Mul(sum, x), Set(c[i]));
  return sum;
}

// ln(x) for normal x, as fdlibm has it: x = 2^k (1 + f) with sqrt(1/2) <= 1 + f < sqrt(2), and
// ln(1 + f) = f - f^2/2 + s (f^2/2 + R(s^2)) with s = f / (2 + f), which loses nothing near x = 1.
HWY_INLINE VF Log(VF x) {
  constexpr double kLn2High = 6.93147180369123816490e-01, kLn2Low = 1.90821492927058770002e-10;
  constexpr double kR[] = {6.666666666666735130e-01, 3.999999999940941908e-01,
                           2.857142874366239149e-01, 2.222219843214978396e-01,
                           1.818357216161805012e-01, 1.531383769920937332e-01,
                           1.479819860511658591e-01};
  constexpr uint64_t kSqrtHalf = 0x3fe6a09e667f3bcd, kOne = 0x3ff0000000000000;
  const VU bits = hn::BitCast(U(), x);
  // k + 1023: the exponent, one more where the mantissa is over that of sqrt(1/2).
  const VU exponent = hn::ShiftRight<52>(hn::Add(bits, SetBits(kOne - kSqrtHalf)));
  const VF k = ToFloating(exponent, 1023);
  const VU scaled = hn::Sub(hn::Add(bits, SetBits(kOne)), hn::ShiftLeft<52>(exponent));
  const VF f = hn::Sub(hn::BitCast(F(), scaled), Set(1));
  const VF s = hn::Div(f, hn::Add(f, Set(2)));
  const VF z = hn::Mul(s, s);
  const VF r = hn::Mul(z, Polynomial(kR, z));
  const VF half_square = hn::Mul(hn::Mul(f, f), Set(0.5));
  const VF correction = hn::Add(hn::Mul(s, hn::Add(half_square, r)), hn::Mul(k, Set(kLn2Low)));
  return hn::Sub(hn::Mul(k, Set(kLn2High)), hn::Sub(hn::Sub(half_square, correction), f));
}

// cos and sin of 2 pi b / 2^32 for the 32-bit numbers b: the nearest quarter turn is taken off
// exactly, and fdlibm's polynomials give those of the rest, at most an eighth of a turn.
HWY_INLINE void CosSin(VU b, VF& cosine, VF& sine) {
  constexpr double kCos[] = {4.16666666666666019037e-02, -1.38888888888741095749e-03,
                             2.48015872894767294178e-05, -2.75573143513906633035e-07,
                             2.08757232129817482790e-09, -1.13596475577881948265e-11};
  constexpr double kSin[] = {-1.66666666666666324348e-01, 8.33333333332248946124e-03,
                             -1.98412698298579493134e-04, 2.75573137070700676789e-06,
                             -2.50507602534068634195e-08, 1.58969099521155010221e-10};
  constexpr double kUnit = 0x1.921fb54442d18p+2 * 0x1p-32;  // 2 pi / 2^32
  constexpr uint64_t kEighth = uint64_t{1} << 29, kQuarter = uint64_t{1} << 30;
  const VU turned = hn::Add(b, SetBits(kEighth));  // bits 30 and 31: the nearest quarter turn
  const VF x = hn::Mul(
      ToFloating(hn::And(turned, SetBits(kQuarter - 1)), static_cast<double>(kEighth)), Set(kUnit));
  const VF z = hn::Mul(x, x);
  const VF s = hn::Add(x, hn::Mul(hn::Mul(x, z), Polynomial(kSin, z)));
  const VF c =
      hn::Sub(Set(1), hn::Sub(hn::Mul(z, Set(0.5)), hn::Mul(hn::Mul(z, z), Polynomial(kCos, z))));
  // After one quarter turn (cos, sin) is (-s, c), after two (-c, -s), after three (s, -c).
  const VU sign = SetBits(uint64_t{1} << 63);
  const VU odd = hn::And(turned, SetBits(kQuarter));
  const auto even = hn::RebindMask(F(), hn::Eq(odd, SetBits(0)));
  const VU cos_sign = hn::And(hn::ShiftLeft<32>(hn::Add(turned, SetBits(kQuarter))), sign);
  const VU sin_sign = hn::And(hn::ShiftLeft<32>(turned), sign);
  cosine = hn::Xor(hn::IfThenElse(even, c, s), hn::BitCast(F(), cos_sign));
  sine = hn::Xor(hn::IfThenElse(even, s, c), hn::BitCast(F(), sin_sign));
}

// Half of the blocks of a draw, each number in a lane of its own.
struct Words {
  VU words0, words1, words2, words3;
};

// Calls `f(Words, double* values)` for the blocks of a fill, in order; f makes the values of as
// many blocks as there are lanes of 64 bits.
template <class Make>
HWY_INLINE void ForEachDraw(const RandomStream& stream, uint64_t first_block, double* values,
                            Make&& f) {
  const U wide;
  const hn::Half<PhiloxTag> half;
  const auto lanes = static_cast<int64_t>(hn::Lanes(wide));
  for (int64_t i = 0; i < internal::kFillBlocks; i += 2 * lanes) {
    const PhiloxBlocks b = DrawBlocks(stream, first_block + static_cast<uint64_t>(i));
    f(Words{hn::PromoteTo(wide, hn::LowerHalf(half, b.words0)),
            hn::PromoteTo(wide, hn::LowerHalf(half, b.words1)),
            hn::PromoteTo(wide, hn::LowerHalf(half, b.words2)),
            hn::PromoteTo(wide, hn::LowerHalf(half, b.words3))},
      values + 4 * i);
    f(Words{hn::PromoteTo(wide, hn::UpperHalf(half, b.words0)),
            hn::PromoteTo(wide, hn::UpperHalf(half, b.words1)),
            hn::PromoteTo(wide, hn::UpperHalf(half, b.words2)),
            hn::PromoteTo(wide, hn::UpperHalf(half, b.words3))},
      values + 4 * (i + lanes));
  }
}

void Uniform(const RandomStream& stream, uint64_t first_block, double low, double range,
             double* values) {
  const auto value = [=](VU word) HWY_ATTR {
    const VF unit = hn::Mul(ToFloating(hn::ShiftRight<8>(word), 0), Set(0x1p-24));
    return hn::Add(Set(low), hn::Mul(Set(range), unit));
  };
  ForEachDraw(stream, first_block, values, [&](const Words& w, double* to) HWY_ATTR {
    hn::StoreInterleaved4(value(w.words0), value(w.words1), value(w.words2), value(w.words3), F(),
                          to);
  });
}

HWY_INLINE void NormalPair(VU a, VU b, double mean, double stddev, VF& first, VF& second) {
  const VF u = hn::Mul(ToFloating(a, -1), Set(0x1p-32));  // (0, 1]
  const VF radius = hn::Mul(Set(stddev), hn::Sqrt(hn::Mul(Set(-2), Log(u))));
  CosSin(b, first, second);
  first = hn::Add(Set(mean), hn::Mul(radius, first));
  second = hn::Add(Set(mean), hn::Mul(radius, second));
}

void Normal(const RandomStream& stream, uint64_t first_block, double mean, double stddev,
            double* values) {
  ForEachDraw(stream, first_block, values, [=](const Words& w, double* to) HWY_ATTR {
    VF first, second, third, fourth;
    NormalPair(w.words0, w.words1, mean, stddev, first, second);
    NormalPair(w.words2, w.words3, mean, stddev, third, fourth);
    hn::StoreInterleaved4(first, second, third, fourth, F(), to);
  });
}

}  // namespace
}  // namespace convoy::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace convoy {
HWY_EXPORT(Uniform);
HWY_EXPORT(Normal);

namespace internal {

void FillUniform(const RandomStream& stream, uint64_t first_block, double low, double range,
                 double (&values)[kFillValues]) {
  HWY_DYNAMIC_DISPATCH(Uniform)(stream, first_block, low, range, values);
}

void FillNormal(const RandomStream& stream, uint64_t first_block, double mean, double stddev,
                double (&values)[kFillValues]) {
  HWY_DYNAMIC_DISPATCH(Normal)(stream, first_block, mean, stddev, values);
}

}  // namespace internal
}  // namespace convoy
#endif  // HWY_ONCE
