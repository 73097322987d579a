// Products of small matrices that stay in the cache, on one thread: the tiles of attention.
//
// Included once per instruction set, after hwy/foreach_target.h.
#if defined(CONVOY_OPS_CPU_SMALL_GEMM_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef CONVOY_OPS_CPU_SMALL_GEMM_INL_H_
#undef CONVOY_OPS_CPU_SMALL_GEMM_INL_H_
#else
#define CONVOY_OPS_CPU_SMALL_GEMM_INL_H_
#endif

#include <algorithm>
#include <array>
#include <utility>

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace convoy::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

/// A matrix whose elements are read one by one: (i, j) is data[i * row_stride + j * col_stride].
template <typename C>
struct Strided {
  const C* data;
  size_t row_stride;
  size_t col_stride;
};

/// A row-major matrix whose rows are whole vectors; `stride` elements from row to row.
template <typename C>
struct Panel {
  C* data;
  size_t stride;
};

/// What becomes of the old elements of the result.
template <typename C>
struct Update {
  enum Kind { kOverwrite, kAdd, kScaleAndAdd } kind = kOverwrite;
  const C* column_scale = nullptr;  ///< kScaleAndAdd: the old column j times column_scale[j]
};

// One register tile of the result: kRows rows of kCols vectors. 24 accumulators of AVX-512's 32
// registers, 12 of the 16 that others have: enough to hide the latency of a multiply-add, and so
// few loads for each that these do not hold it up.
template <typename C>
inline constexpr size_t kTileCols = hn::MaxLanes(hn::ScalableTag<C>()) * sizeof(C) == 64 ? 4 : 2;
inline constexpr size_t kTileRows = 6;

template <size_t kRows, size_t kCols, typename C>
HWY_NOINLINE void GemmTile(size_t depth, Strided<C> a, Panel<const C> b, Panel<C> c,
                           Update<C> update) {
  const hn::ScalableTag<C> d;
  constexpr size_t kLanes = hn::MaxLanes(hn::ScalableTag<C>());
  hn::Vec<hn::ScalableTag<C>> sum[kRows][kCols];
#pragma GCC unroll 8
  for (size_t i = 0; i < kRows; ++i) {
#pragma GCC unroll 8
    for (size_t j = 0; j < kCols; ++j) {
      if (update.kind == Update<C>::kOverwrite) {
        sum[i][j] = hn::Zero(d);
      } else {
        sum[i][j] = hn::LoadU(d, c.data + i * c.stride + j * kLanes);
        if (update.kind == Update<C>::kScaleAndAdd)
          sum[i][j] = hn::Mul(sum[i][j], hn::LoadU(d, update.column_scale + j * kLanes));
      }
    }
  }
  const C* a_column = a.data;
  const C* b_row = b.data;
  for (size_t k = 0; k < depth; ++k, a_column += a.col_stride, b_row += b.stride) {
    hn::Vec<hn::ScalableTag<C>> row[kCols];
#pragma GCC unroll 8
    for (size_t j = 0; j < kCols; ++j) row[j] = hn::LoadU(d, b_row + j * kLanes);
#pragma GCC unroll 8
    for (size_t i = 0; i < kRows; ++i) {
      const auto factor = hn::Set(d, a_column[i * a.row_stride]);
#pragma GCC unroll 8
      for (size_t j = 0; j < kCols; ++j) sum[i][j] = hn::MulAdd(factor, row[j], sum[i][j]);
    }
  }
#pragma GCC unroll 8
  for (size_t i = 0; i < kRows; ++i) {
#pragma GCC unroll 8
    for (size_t j = 0; j < kCols; ++j) hn::StoreU(sum[i][j], d, c.data + i * c.stride + j * kLanes);
  }
}

template <typename C>
using GemmTileFunction = void (*)(size_t, Strided<C>, Panel<const C>, Panel<C>, Update<C>);

/// Tiles of 1 .. kTileRows rows and 1 .. kTileCols<C> vectors.
template <typename C, size_t... kIndex>
constexpr auto GemmTileTable(std::index_sequence<kIndex...>) {
  constexpr size_t kCols = kTileCols<C>;
  return std::array<GemmTileFunction<C>, sizeof...(kIndex)>{
      &GemmTile<kIndex / kCols + 1, kIndex % kCols + 1, C>...};
}

/// c (m x n) = [nothing, c, or c column by column scaled] + a (m x depth) * b (depth x n).
///
/// n is a multiple of the vector's lanes. Each element is summed in the order of depth, whatever
/// m and n are, so a product cut in rows or columns has the same bits.
template <typename C>
void SmallGemm(size_t m, size_t n, size_t depth, Strided<C> a, Panel<const C> b, Panel<C> c,
               Update<C> update = {}) {
  static constexpr auto kTiles =
      GemmTileTable<C>(std::make_index_sequence<kTileRows * kTileCols<C>>());
  const size_t lanes = hn::Lanes(hn::ScalableTag<C>());
  const size_t width = kTileCols<C> * lanes;
  const size_t panels = (m + kTileRows - 1) / kTileRows;
  for (size_t j = 0; j < n; j += width) {
    const size_t cols = std::min(width, n - j) / lanes;
    Update<C> columns = update;
    if (update.column_scale) columns.column_scale += j;
    for (size_t p = 0; p < panels; ++p) {  // panels of nearly equal height: no thin one at the end
      const size_t i = m * p / panels;
      const size_t rows = m * (p + 1) / panels - i;
      kTiles[(rows - 1) * kTileCols<C> + cols - 1](
          depth, {a.data + i * a.row_stride, a.row_stride, a.col_stride}, {b.data + j, b.stride},
          {c.data + i * c.stride + j, c.stride}, columns);
    }
  }
}

}  // namespace convoy::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // CONVOY_OPS_CPU_SMALL_GEMM_INL_H_
