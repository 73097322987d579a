// What attention's forward and backward kernels share: the walk over tiles of scores, and the steps
// that are no matrix product (packing, transposing, masking, the exponential).
//
// A tile of scores is stored transposed, (keys, queries): a query is a lane, so maxima and sums
// over keys need no shuffles, every vector is full whatever D is, and keys and values are only ever
// read element by element, where they lie.
#if defined(CONVOY_OPS_CPU_ATTENTION_TILES_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef CONVOY_OPS_CPU_ATTENTION_TILES_INL_H_
#undef CONVOY_OPS_CPU_ATTENTION_TILES_INL_H_
#else
#define CONVOY_OPS_CPU_ATTENTION_TILES_INL_H_
#endif

#include <algorithm>
#include <array>
#include <limits>
#include <numbers>

#include "core/storage.h"
#include "core/view.h"
#include "ops/attention_kernels.h"
#include "ops/cpu/rows-inl.h"
#include "ops/cpu/simd-inl.h"
#include "ops/cpu/small_gemm-inl.h"

HWY_BEFORE_NAMESPACE();
namespace convoy::HWY_NAMESPACE {

/// Queries and keys of a tile of scores. The tiles on the diagonal of a causal attention are
/// narrower: less is computed that the mask then hides.
inline constexpr size_t kTileQueries = 64;
inline constexpr size_t kTileKeys = 64;
inline constexpr size_t kDiagonalKeys = 16;

/// Multiply-adds that are worth a thread's while.
inline constexpr int64_t kAttentionGrain = 64 << 10;

template <typename C>
size_t PadToLanes(size_t n) {
  const size_t lanes = hn::Lanes(hn::ScalableTag<C>());
  return (n + lanes - 1) / lanes * lanes;
}

/// Scratch memory of one thread, from its device's allocator.
template <typename C>
class Buffer {
 public:
  Buffer(Device device, size_t count) : storage_(device, count * sizeof(C)) {}
  C* data() const { return static_cast<C*>(storage_.data()); }

 private:
  Storage storage_;
};

/// A tile: keys [key, key + keys) of the loop's, and of its queries those from `column` on.
struct KeyTile {
  size_t key, keys, column;
};

/// Calls f(KeyTile) for keys [begin, end), in order, as far as queries [query, query + queries) see
/// them. `begin` is a multiple of kTileKeys and `query` of kTileQueries.
template <typename C, class F>
void ForEachKeyTile(const AttentionProblem& p, size_t query, size_t queries, size_t begin,
                    size_t end, F&& f) {
  if (p.causal) end = std::min(end, query + queries);
  const size_t lanes = hn::Lanes(hn::ScalableTag<C>());
  for (size_t key = begin; key < end;) {
    const bool diagonal = p.causal && key >= query;
    const size_t keys = std::min(diagonal ? kDiagonalKeys : kTileKeys, end - key);
    f(KeyTile{key, keys, diagonal ? (key - query) / lanes * lanes : 0});
    key += keys;
  }
}

/// to (rows, width) = from (count, dim), row r times factors[r * factor_step], zeros elsewhere;
/// rows of `from` lie `stride` apart.
template <typename T, typename C>
void PackRows(const T* from, int64_t stride, size_t count, size_t dim, const C* factors,
              size_t factor_step, size_t rows, Panel<C> to) {
  const hn::ScalableTag<C> d;
  const size_t lanes = hn::Lanes(d);
  for (size_t r = 0; r < count; ++r, from += stride) {
    const auto scale = hn::Set(d, factors[r * factor_step]);
    C* row = to.data + r * to.stride;
    size_t i = 0;
    for (; i + lanes <= dim; i += lanes)
      hn::StoreU(hn::Mul(LoadAs(d, from + i), scale), d, row + i);
    if (i < dim) hn::StoreU(hn::Mul(LoadPartial(d, from + i, dim - i), scale), d, row + i);
  }
  for (size_t r = count; r < rows; ++r) {
    for (size_t i = 0; i < dim; i += lanes) hn::StoreU(hn::Zero(d), d, to.data + r * to.stride + i);
  }
}

/// The same with one factor for all rows.
template <typename T, typename C>
void PackRows(const T* from, int64_t stride, size_t count, size_t dim, C factor, size_t rows,
              Panel<C> to) {
  PackRows(from, stride, count, dim, &factor, 0, rows, to);
}

/// to (+)= factor * from, for (count, dim) elements; rows of `to` lie `stride` apart.
template <typename T, typename C>
void WriteRows(Panel<const C> from, size_t count, size_t dim, C factor, bool accumulate, T* to,
               int64_t stride) {
  for (size_t r = 0; r < count; ++r, to += stride) {
    StoreGrad(
        dim, to, accumulate,
        [factor](auto d, auto v) HWY_ATTR { return hn::Mul(v, hn::Set(d, factor)); },
        from.data + r * from.stride);
  }
}

/// Packs rows of keys or values for the products of a tile. Worth it even where no conversion is
/// needed: in a packed qkv, rows lie whole pages apart.
template <typename T>
class RowReader {
  using C = ComputeType<T>;

 public:
  RowReader(Device device, const AttentionRows& rows, size_t dim)
      : rows_(rows),
        data_(rows.tensor.data<T>()),
        dim_(dim),
        width_(PadToLanes<C>(dim)),
        packed_(device, kTileKeys * width_) {}

  /// Steps [t, t + count) of head h of batch b, at most kTileKeys; valid until the next Load.
  Strided<C> Load(int64_t b, int64_t h, size_t t, size_t count) const {
    const T* from = data_ + rows_.Start(b, static_cast<int64_t>(t), h, static_cast<int64_t>(dim_));
    PackRows<T, C>(from, rows_.stride, count, dim_, 1, count, {packed_.data(), width_});
    return {packed_.data(), width_, 1};
  }

 private:
  const AttentionRows& rows_;
  const T* data_;
  size_t dim_, width_;
  Buffer<C> packed_;
};

template <typename C>
Strided<C> Transposed(Strided<C> a) {
  return {a.data, a.col_stride, a.row_stride};
}

/// The 128-bit blocks at from, from + stride, from + 2 * stride, ...
template <class D, typename C>
HWY_INLINE hn::Vec<D> LoadBlocks(D d, const C* from, size_t stride) {
  if constexpr (hn::MaxLanes(D()) * sizeof(C) <= 16) {
    return hn::LoadU(d, from);
  } else {
    const hn::Half<D> half;
    const size_t blocks = hn::Lanes(half) * sizeof(C) / 16;
    return hn::Combine(d, LoadBlocks(half, from + blocks * stride, stride),
                       LoadBlocks(half, from, stride));
  }
}

/// to (cols, rows) = from (rows, cols) transposed; rows and cols are multiples of the lanes.
template <typename C>
void Transpose(size_t rows, size_t cols, Panel<const C> from, Panel<C> to) {
  const hn::ScalableTag<C> d;
  const size_t lanes = hn::Lanes(d);
  constexpr size_t kBlock = 16 / sizeof(C);  // elements of a 128-bit block, transposed by shuffles
  for (size_t i = 0; i < rows; i += lanes) {
    for (size_t j = 0; j < cols; j += kBlock) {
      const auto load = [&](size_t r) HWY_ATTR {
        return LoadBlocks(d, from.data + (i + r) * from.stride + j, kBlock * from.stride);
      };
      const auto store = [&](size_t r, auto v)
                             HWY_ATTR { hn::StoreU(v, d, to.data + (j + r) * to.stride + i); };
      if constexpr (kBlock == 2) {
        const auto r0 = load(0), r1 = load(1);
        store(0, hn::InterleaveLower(d, r0, r1));
        store(1, hn::InterleaveUpper(d, r0, r1));
      } else {
        const auto r0 = load(0), r1 = load(1), r2 = load(2), r3 = load(3);
        const auto lower02 = hn::InterleaveLower(d, r0, r2);
        const auto lower13 = hn::InterleaveLower(d, r1, r3);
        const auto upper02 = hn::InterleaveUpper(d, r0, r2);
        const auto upper13 = hn::InterleaveUpper(d, r1, r3);
        store(0, hn::InterleaveLower(d, lower02, lower13));
        store(1, hn::InterleaveUpper(d, lower02, lower13));
        store(2, hn::InterleaveLower(d, upper02, upper13));
        store(3, hn::InterleaveUpper(d, upper02, upper13));
      }
    }
  }
}

/// Sets the scores that the causal mask hides to -infinity: in a tile (keys, columns) those whose
/// key, `first_key` + row, is beyond their query, `first_query` + column.
template <typename C>
void MaskDiagonal(size_t keys, size_t columns, size_t first_key, size_t first_query, Panel<C> s) {
  const hn::ScalableTag<C> d;
  const size_t lanes = hn::Lanes(d);
  const auto hidden = hn::Set(d, -std::numeric_limits<C>::infinity());
  for (size_t r = 0; r < keys; ++r) {
    const size_t end = first_key + r <= first_query ? 0 : first_key + r - first_query;
    for (size_t c = 0; c < std::min(end, columns); c += lanes) {
      C* at = s.data + r * s.stride + c;
      const auto mask = hn::FirstN(d, std::min(end - c, lanes));
      hn::StoreU(hn::IfThenElse(mask, hidden, hn::LoadU(d, at)), d, at);
    }
  }
}

/// Coefficients of f^0, f^1, ... of a polynomial close to 2^f on [-1/2, 1/2]; 1 at f = 0.
template <typename C>
inline constexpr auto kExp2Polynomial = [] {
  if constexpr (sizeof(C) == 4) {  // interpolates at Chebyshev nodes: relative error 1e-8
    return std::array<C, 7>{1.0f,           0.693147182f,   0.240226507f,   0.0555035695f,
                            0.00961808302f, 0.00133908633f, 0.000154531634f};
  } else {  // Taylor's
    std::array<C, 14> terms{1};
    for (size_t i = 1; i < terms.size(); ++i)
      terms[i] = terms[i - 1] * std::numbers::ln2_v<C> / static_cast<C>(i);
    return terms;
  }
}();

/// 2^x for x below 128: exactly 0 where the result would be denormal, NaN for NaN. Half the
/// work of Highway's Exp, and to base 2, since the factor log2(e) costs nothing in the scale.
template <class D, typename C = hn::TFromD<D>>
HWY_INLINE hn::Vec<D> Exp2(D d, hn::Vec<D> x) {
  constexpr int kMantissa = std::numeric_limits<C>::digits - 1;
  constexpr int kBias = std::numeric_limits<C>::max_exponent - 1;
  constexpr C kOneAndAHalf = static_cast<C>(int64_t{3} << (kMantissa - 1));
  constexpr auto kTerms = kExp2Polynomial<C>;
  // Adding 1.5 * 2^mantissa rounds x to an integer n, and leaves n + bias in the lowest bits.
  const auto magic = hn::Set(d, kOneAndAHalf + kBias);
  const auto shifted = hn::Add(x, magic);
  const auto f = hn::Sub(x, hn::Sub(shifted, magic));
  const hn::RebindToUnsigned<D> du;
  const auto power = hn::BitCast(d, hn::ShiftLeft<kMantissa>(hn::BitCast(du, shifted)));
  auto y = hn::Set(d, kTerms.back());
#pragma GCC unroll 16
  for (size_t i = 1; i < kTerms.size(); ++i)
    y = hn::MulAdd(y, f, hn::Set(d, kTerms[kTerms.size() - 1 - i]));
  const auto tiny = hn::Lt(x, hn::Set(d, static_cast<C>(1 - kBias)));
  return hn::IfThenZeroElse(tiny, hn::Mul(y, power));
}

}  // namespace convoy::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // CONVOY_OPS_CPU_ATTENTION_TILES_INL_H_
