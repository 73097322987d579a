// RandomStream::Block for as many blocks as a Highway vector has lanes of 32 bits. Included once
// per instruction set, after hwy/foreach_target.h.
#if defined(CONVOY_CORE_PHILOX_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef CONVOY_CORE_PHILOX_INL_H_
#undef CONVOY_CORE_PHILOX_INL_H_
#else
#define CONVOY_CORE_PHILOX_INL_H_
#endif

#include "core/random_stream.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace convoy::HWY_NAMESPACE {

using PhiloxTag = hwy::HWY_NAMESPACE::ScalableTag<uint32_t>;
using PhiloxVec = hwy::HWY_NAMESPACE::Vec<PhiloxTag>;

/// Blocks side by side: number k of block i is lane i of `words`k.
struct PhiloxBlocks {
  PhiloxVec words0, words1, words2, words3;
};

/// Upper and lower halves of the products of each lane with `factor`.
HWY_INLINE void MulWide(PhiloxVec v, PhiloxVec factor, PhiloxVec& high, PhiloxVec& low) {
  namespace hn = hwy::HWY_NAMESPACE;
  const PhiloxTag d32;
  const hn::Repartition<uint64_t, PhiloxTag> d64;
  const auto even = hn::MulEven(v, factor);
  const auto odd = hn::MulEven(hn::BitCast(d32, hn::ShiftRight<32>(hn::BitCast(d64, v))), factor);
  high = hn::OddEven(hn::BitCast(d32, odd), hn::BitCast(d32, hn::ShiftRight<32>(even)));
  low = hn::OddEven(hn::BitCast(d32, hn::ShiftLeft<32>(odd)), hn::BitCast(d32, even));
}

/// Blocks first_block, first_block + 1, ... of `stream`.
HWY_INLINE PhiloxBlocks DrawBlocks(const RandomStream& stream, uint64_t first_block) {
  namespace hn = hwy::HWY_NAMESPACE;
  const PhiloxTag d;
  const auto set = [d](uint64_t value)
                       HWY_ATTR { return hn::Set(d, static_cast<uint32_t>(value)); };
  const PhiloxVec low = set(first_block), high = set(first_block >> 32);
  PhiloxVec c0 = hn::Add(low, hn::Iota(d, 0));
  PhiloxVec c1 = hn::IfThenElse(hn::Lt(c0, low), hn::Add(high, set(1)), high);  // the carry
  PhiloxVec c2 = set(stream.stream), c3 = set(stream.stream >> 32);
  uint32_t k0 = static_cast<uint32_t>(stream.seed), k1 = static_cast<uint32_t>(stream.seed >> 32);
  const PhiloxVec m0 = set(RandomStream::kMultiplier0), m1 = set(RandomStream::kMultiplier1);
  for (int round = 0; round < RandomStream::kRounds; ++round) {
    PhiloxVec high0, low0, high1, low1;
    MulWide(c0, m0, high0, low0);
    MulWide(c2, m1, high1, low1);
    c0 = hn::Xor(hn::Xor(high1, c1), set(k0));
    c1 = low1;
    c2 = hn::Xor(hn::Xor(high0, c3), set(k1));
    c3 = low0;
    k0 += RandomStream::kKeyStep0;
    k1 += RandomStream::kKeyStep1;
  }
  return {c0, c1, c2, c3};
}

}  // namespace convoy::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // CONVOY_CORE_PHILOX_INL_H_
