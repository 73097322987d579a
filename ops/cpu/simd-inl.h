// Vector loads, stores and loops over every floating dtype, for CPU kernels written with Highway.
//
// Included once per instruction set, after hwy/foreach_target.h. Values are computed in
// ComputeType<T>: f32 for f32, bf16 and f16, f64 for f64.
#if defined(CONVOY_OPS_CPU_SIMD_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef CONVOY_OPS_CPU_SIMD_INL_H_
#undef CONVOY_OPS_CPU_SIMD_INL_H_
#else
#define CONVOY_OPS_CPU_SIMD_INL_H_
#endif

#include <cstring>

#include "core/dtype.h"
#include "hwy/contrib/math/math-inl.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace convoy::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

/// Full vectors of the type that T is computed in.
template <typename T>
using TagFor = hn::ScalableTag<ComputeType<T>>;

/// Elements of T as Highway moves them: 16-bit numbers as integers.
template <typename T>
using LaneOf = std::conditional_t<sizeof(T) == 2, uint16_t, T>;
template <typename T, class D>
using LaneTag = hn::Rebind<LaneOf<T>, D>;

/// Elements of T as numbers of the tag's type.
template <typename T, class D>
HWY_INLINE hn::Vec<D> Widen(D d, hn::Vec<LaneTag<T, D>> elements) {
  if constexpr (std::is_same_v<T, BFloat16>) {
    const hn::RebindToUnsigned<D> d32;
    return hn::BitCast(d, hn::ShiftLeft<16>(hn::PromoteTo(d32, elements)));
  } else if constexpr (std::is_same_v<T, Float16>) {
#if HWY_TARGET >= HWY_SSE4  // its PromoteTo knows neither infinities nor NaNs
    HWY_ALIGN T narrow[hn::MaxLanes(LaneTag<T, D>())];
    HWY_ALIGN float wide[hn::MaxLanes(D())];
    hn::StoreU(elements, LaneTag<T, D>(), reinterpret_cast<uint16_t*>(narrow));
    for (size_t i = 0; i < hn::Lanes(d); ++i) wide[i] = static_cast<float>(narrow[i]);
    return hn::Load(d, wide);
#else
    return hn::PromoteTo(d, hn::BitCast(hn::Rebind<hwy::float16_t, D>(), elements));
#endif
  } else {
    return elements;
  }
}

/// Numbers as elements of T, rounded to nearest even.
template <typename T, class D>
HWY_INLINE hn::Vec<LaneTag<T, D>> Narrow(D d, hn::Vec<D> v) {
  if constexpr (std::is_same_v<T, BFloat16>) {
    const hn::RebindToUnsigned<D> d32;
    const hn::RebindToSigned<D> di32;
    const auto bits = hn::BitCast(d32, v);
    const auto odd = hn::And(hn::ShiftRight<16>(bits), hn::Set(d32, 1u));
    const auto rounded = hn::Add(bits, hn::Add(odd, hn::Set(d32, 0x7fffu)));
    const auto quiet = hn::Or(bits, hn::Set(d32, 0x400000u));
    const auto nan = hn::RebindMask(d32, hn::IsNaN(v));
    const auto upper = hn::ShiftRight<16>(hn::IfThenElse(nan, quiet, rounded));
    return hn::DemoteTo(LaneTag<T, D>(), hn::BitCast(di32, upper));
  } else if constexpr (std::is_same_v<T, Float16>) {
#if HWY_TARGET >= HWY_SSE4  // its DemoteTo rounds towards zero
    HWY_ALIGN float wide[hn::MaxLanes(D())];
    HWY_ALIGN T narrow[hn::MaxLanes(LaneTag<T, D>())];
    hn::Store(v, d, wide);
    for (size_t i = 0; i < hn::Lanes(d); ++i) narrow[i] = Float16(wide[i]);
    return hn::LoadU(LaneTag<T, D>(), reinterpret_cast<const uint16_t*>(narrow));
#else
    return hn::BitCast(LaneTag<T, D>(), hn::DemoteTo(hn::Rebind<hwy::float16_t, D>(), v));
#endif
  } else {
    return v;
  }
}

/// Loads hn::Lanes(d) elements (no alignment needed) and widens them.
template <class D, typename T>
HWY_INLINE hn::Vec<D> LoadAs(D d, const T* HWY_RESTRICT from) {
  return Widen<T>(d, hn::LoadU(LaneTag<T, D>(), reinterpret_cast<const LaneOf<T>*>(from)));
}

/// Narrows (to nearest even) and stores hn::Lanes(d) elements (no alignment needed).
template <class D, typename T>
HWY_INLINE void StoreAs(hn::Vec<D> v, D d, T* HWY_RESTRICT to) {
  hn::StoreU(Narrow<T>(d, v), LaneTag<T, D>(), reinterpret_cast<LaneOf<T>*>(to));
}

/// Whether the hardware has masked loads and stores for elements of T. Going through a buffer costs
/// a stall of tens of cycles: the copy in and out of it is of another width.
template <typename T>
inline constexpr bool kHasMaskedAccess = (HWY_TARGET <= HWY_AVX3) ||
                                         (HWY_TARGET <= HWY_AVX2 && sizeof(T) >= 4);

/// The first `count` < hn::Lanes(d) elements, `fill` in the other lanes; reads nothing beyond.
template <class D, typename T>
HWY_INLINE hn::Vec<D> LoadPartial(D d, const T* HWY_RESTRICT from, size_t count,
                                  hn::TFromD<D> fill = 0) {
  if constexpr (kHasMaskedAccess<T>) {
    const LaneTag<T, D> lanes;
    const auto elements =
        hn::MaskedLoad(hn::FirstN(lanes, count), lanes, reinterpret_cast<const LaneOf<T>*>(from));
    return hn::IfThenElse(hn::FirstN(d, count), Widen<T>(d, elements), hn::Set(d, fill));
  } else {
    HWY_ALIGN T buffer[hn::MaxLanes(D())];
    for (size_t i = count; i < hn::Lanes(d); ++i) buffer[i] = static_cast<T>(fill);
    std::memcpy(buffer, from, count * sizeof(T));
    return LoadAs(d, buffer);
  }
}

/// Writes the first `count` < hn::Lanes(d) elements and nothing beyond.
template <class D, typename T>
HWY_INLINE void StorePartial(hn::Vec<D> v, D d, T* HWY_RESTRICT to, size_t count) {
  if constexpr (kHasMaskedAccess<T>) {
    const LaneTag<T, D> lanes;
    hn::BlendedStore(Narrow<T>(d, v), hn::FirstN(lanes, count), lanes,
                     reinterpret_cast<LaneOf<T>*>(to));
  } else {
    HWY_ALIGN T buffer[hn::MaxLanes(D())];
    StoreAs(v, d, buffer);
    std::memcpy(to, buffer, count * sizeof(T));
  }
}

/// out[i] = f(d, in_0[i], in_1[i], ...) for i in [0, n); `f` maps vectors to a vector. `out` may be
/// one of the inputs.
template <typename T, class F, typename... In>
HWY_INLINE void MapLanes(size_t n, T* out, F&& f, const In*... in) {
  const TagFor<T> d;
  const size_t lanes = hn::Lanes(d);
  size_t i = 0;
  for (; i + lanes <= n; i += lanes) StoreAs(f(d, LoadAs(d, in + i)...), d, out + i);
  if (i < n) StorePartial(f(d, LoadPartial(d, in + i, n - i)...), d, out + i, n - i);
}

/// Reduces f(d, in_0[i], in_1[i], ...) for i in [0, n) with `combine(a, b)` into four vectors of
/// partial results (so that additions do not wait for each other), then into one; lanes beyond n
/// hold `identity`. The order of operations depends on n and the vector length only.
template <typename T, class F, class Combine, typename... In>
HWY_INLINE hn::Vec<TagFor<T>> ReduceLanes(size_t n, ComputeType<T> identity, Combine&& combine,
                                          F&& f, const In*... in) {
  const TagFor<T> d;
  const size_t lanes = hn::Lanes(d);
  auto a0 = hn::Set(d, identity), a1 = a0, a2 = a0, a3 = a0;
  size_t i = 0;
  for (; i + 4 * lanes <= n; i += 4 * lanes) {
    a0 = combine(a0, f(d, LoadAs(d, in + i)...));
    a1 = combine(a1, f(d, LoadAs(d, in + i + lanes)...));
    a2 = combine(a2, f(d, LoadAs(d, in + i + 2 * lanes)...));
    a3 = combine(a3, f(d, LoadAs(d, in + i + 3 * lanes)...));
  }
  for (; i + lanes <= n; i += lanes) a0 = combine(a0, f(d, LoadAs(d, in + i)...));
  if (i < n) {
    const auto v = f(d, LoadPartial(d, in + i, n - i)...);
    const auto valid = hn::FirstN(d, n - i);
    a1 = combine(a1, hn::IfThenElse(valid, v, hn::Set(d, identity)));
  }
  return combine(combine(a0, a1), combine(a2, a3));
}

/// The greater of a and b, lane by lane; NaN where either is NaN. Highway's Max alone gives b
/// there, and so drops a NaN in a.
template <class V>
HWY_INLINE V MaxOrNaN(V a, V b) {
  if constexpr (hwy::IsFloat<hn::TFromV<V>>()) {
    return hn::IfThenElse(hn::IsNaN(a), a, hn::Max(a, b));
  } else {
    return hn::Max(a, b);
  }
}

/// The lesser of a and b, lane by lane; NaN where either is NaN.
template <class V>
HWY_INLINE V MinOrNaN(V a, V b) {
  if constexpr (hwy::IsFloat<hn::TFromV<V>>()) {
    return hn::IfThenElse(hn::IsNaN(a), a, hn::Min(a, b));
  } else {
    return hn::Min(a, b);
  }
}

/// Sum of f(d, in_0[i], ...) over i in [0, n).
template <typename T, class F, typename... In>
HWY_INLINE ComputeType<T> SumOver(size_t n, F&& f, const In*... in) {
  const TagFor<T> d;
  const auto add = [](auto a, auto b) HWY_ATTR { return hn::Add(a, b); };
  return hn::GetLane(hn::SumOfLanes(d, ReduceLanes<T>(n, 0, add, f, in...)));
}

}  // namespace convoy::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // CONVOY_OPS_CPU_SIMD_INL_H_
