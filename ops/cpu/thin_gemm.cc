// Products of f32 matrices whose result has few rows or few columns, summed in blocks.
//
// Such a product is too thin for the tiles of a library, which then adds up the whole depth in one
// running sum: hundreds of roundings where few are possible.
#include "ops/cpu/thin_gemm.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/cpu/thin_gemm.cc"
#include <algorithm>
#include <utility>

#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "ops/cpu/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace convoy::HWY_NAMESPACE {

using FloatTag = hn::ScalableTag<float>;
using FloatVec = hn::Vec<FloatTag>;

// Vectors that are multiplied at a time: as many sums as leave registers for the factors.
inline constexpr size_t kTile = hn::MaxLanes(FloatTag()) == 16 ? 4 : 2;
inline constexpr int64_t kVectorsInBlock = 32;
inline constexpr int64_t kRowsInRegisters = 8, kRowsInBlock = 128;
inline constexpr int64_t kPanel = 512;  // columns

// The first `count` elements, which may be all of a vector; 0 in the other lanes.
HWY_INLINE FloatVec LoadFirst(FloatTag d, const float* from, size_t count) {
  return count >= hn::Lanes(d) ? hn::LoadU(d, from) : LoadPartial(d, from, count);
}

HWY_INLINE void Put(const ThinProduct& p, int64_t i, int64_t j, float sum) {
  float& c = p.c[i * p.wide_step + j * p.thin_step];
  if (p.bias != nullptr) sum += p.bias[i * p.bias_wide_step + j * p.bias_thin_step];
  c = p.accumulate ? c + sum : sum;
}

// kRows rows of `wide`, each of which lies in one piece, with kThin of `thin`.
template <size_t kRows, size_t kThin>
HWY_NOINLINE void Dots(const ThinProduct& p, int64_t first) {
  const FloatTag d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  FloatVec total[kRows][kThin];
  for (size_t r = 0; r < kRows; ++r) {
    for (size_t j = 0; j < kThin; ++j) total[r][j] = hn::Zero(d);
  }
  const float* wide = p.wide + first * p.wide_stride;
  for (int64_t begin = 0; begin < p.depth; begin += kVectorsInBlock * lanes) {
    const int64_t end = std::min(p.depth, begin + kVectorsInBlock * lanes);
    FloatVec sum[kRows][kThin];
    for (size_t r = 0; r < kRows; ++r) {
      for (size_t j = 0; j < kThin; ++j) sum[r][j] = hn::Zero(d);
    }
    const auto step = [&](auto&& load) HWY_ATTR {
      FloatVec thin[kThin];
      for (size_t j = 0; j < kThin; ++j) thin[j] = load(p.thin + static_cast<int64_t>(j) * p.depth);
      for (size_t r = 0; r < kRows; ++r) {
        const FloatVec row = load(wide + static_cast<int64_t>(r) * p.wide_stride);
        for (size_t j = 0; j < kThin; ++j) sum[r][j] = hn::MulAdd(row, thin[j], sum[r][j]);
      }
    };
    int64_t k = begin;
    for (; k + lanes <= end; k += lanes) {
      step([&](const float* from) HWY_ATTR { return hn::LoadU(d, from + k); });
    }
    if (k < end) {
      const size_t left = static_cast<size_t>(end - k);
      step([&](const float* from) HWY_ATTR { return LoadFirst(d, from + k, left); });
    }
    for (size_t r = 0; r < kRows; ++r) {
      for (size_t j = 0; j < kThin; ++j) total[r][j] = hn::Add(total[r][j], sum[r][j]);
    }
  }
  for (size_t r = 0; r < kRows; ++r) {
    for (size_t j = 0; j < kThin; ++j) {
      Put(p, first + static_cast<int64_t>(r), static_cast<int64_t>(j),
          hn::GetLane(hn::SumOfLanes(d, total[r][j])));
    }
  }
}

// block (kThin, kPanel) += the terms of depth [begin, end) for kVectors vectors of columns, of
// which the last has `left` elements.
template <size_t kThin, size_t kVectors>
HWY_INLINE void AddTerms(const ThinProduct& p, const float* wide, int64_t begin, int64_t end,
                         size_t left, float* block) {
  const FloatTag d;
  const size_t lanes = hn::Lanes(d);
  FloatVec sum[kThin][kVectors];
  for (size_t j = 0; j < kThin; ++j) {
    for (size_t v = 0; v < kVectors; ++v) sum[j][v] = hn::Zero(d);
  }
  for (int64_t k = begin; k < end; ++k) {
    FloatVec row[kVectors];
    for (size_t v = 0; v < kVectors; ++v) {
      const float* from = wide + k * p.wide_stride + v * lanes;
      row[v] = v + 1 < kVectors ? hn::LoadU(d, from) : LoadFirst(d, from, left);
    }
    for (size_t j = 0; j < kThin; ++j) {
      const FloatVec factor = hn::Set(d, p.thin[static_cast<int64_t>(j) * p.depth + k]);
      for (size_t v = 0; v < kVectors; ++v) sum[j][v] = hn::MulAdd(factor, row[v], sum[j][v]);
    }
  }
  for (size_t j = 0; j < kThin; ++j) {
    for (size_t v = 0; v < kVectors; ++v) {
      float* const to = block + j * kPanel + v * lanes;
      hn::Store(hn::Add(hn::Load(d, to), sum[j][v]), d, to);
    }
  }
}

// Up to kPanel columns of `wide`, which lies by depth.
template <size_t kThin>
HWY_NOINLINE void Columns(const ThinProduct& p, int64_t first, int64_t count) {
  const FloatTag d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  constexpr int64_t kVectors = static_cast<int64_t>(kTile);
  HWY_ALIGN float total[kThin * kPanel] = {};
  HWY_ALIGN float block[kThin * kPanel];
  const float* wide = p.wide + first;
  for (int64_t start = 0; start < p.depth; start += kRowsInBlock) {
    const int64_t stop = std::min(p.depth, start + kRowsInBlock);
    std::fill_n(block, kThin * kPanel, 0.0f);
    for (int64_t begin = start; begin < stop; begin += kRowsInRegisters) {
      const int64_t end = std::min(stop, begin + kRowsInRegisters);
      int64_t i = 0;
      for (; i + kVectors * lanes <= count; i += kVectors * lanes) {
        AddTerms<kThin, kTile>(p, wide + i, begin, end, static_cast<size_t>(lanes), block + i);
      }
      for (; i < count; i += lanes) {
        AddTerms<kThin, 1>(p, wide + i, begin, end, static_cast<size_t>(count - i), block + i);
      }
    }
    for (int64_t i = 0; i < static_cast<int64_t>(kThin) * kPanel; i += lanes) {
      hn::Store(hn::Add(hn::Load(d, total + i), hn::Load(d, block + i)), d, total + i);
    }
  }
  for (int64_t j = 0; j < static_cast<int64_t>(kThin); ++j) {
    for (int64_t i = 0; i < count; ++i) Put(p, first + i, j, total[j * kPanel + i]);
  }
}

template <size_t kThin>
void RunThin(const ThinProduct& p) {
  if (p.wide_by_depth) {
    for (int64_t i = 0; i < p.wide_count; i += kPanel) {
      Columns<kThin>(p, i, std::min(kPanel, p.wide_count - i));
    }
    return;
  }
  constexpr int64_t kRows = static_cast<int64_t>(kTile);
  int64_t i = 0;
  for (; i + kRows <= p.wide_count; i += kRows) Dots<kTile, kThin>(p, i);
  for (; i < p.wide_count; ++i) Dots<1, kThin>(p, i);
}

void Thin(const ThinProduct& p) {
  switch (p.thin_count) {
    case 1:
      return RunThin<1>(p);
    case 2:
      return RunThin<2>(p);
    case 3:
      return RunThin<3>(p);
    default:
      return RunThin<4>(p);
  }
}

}  // namespace convoy::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace convoy {

HWY_EXPORT(Thin);
void RunThinProduct(const ThinProduct& product) { HWY_DYNAMIC_DISPATCH(Thin)(product); }

}  // namespace convoy
#endif  // HWY_ONCE
