// Loops over the rows of a tensor (its last dimension), and the store of a gradient that may
// accumulate. For row kernels: softmax, norms, losses.
#if defined(CONVOY_OPS_CPU_ROWS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef CONVOY_OPS_CPU_ROWS_INL_H_
#undef CONVOY_OPS_CPU_ROWS_INL_H_
#else
#define CONVOY_OPS_CPU_ROWS_INL_H_
#endif

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "core/threads.h"
#include "core/view.h"
#include "ops/cpu/simd-inl.h"
#include "ops/pointwise/simd_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace convoy::HWY_NAMESPACE {

/// Elements that are worth a thread's while.
inline constexpr int64_t kRowGrain = 16 << 10;

/// Rows in chunks that share their partial sums (then added up by sum_parts): enough work for a
/// thread each, and at most 64. They depend on the sizes only, and so do the bits of the sums; and
/// rounding errors do not grow with the number of rows.
struct RowChunks {
  int64_t rows, size = 1, count = 0;

  RowChunks(int64_t all_rows, int64_t n) : rows(all_rows) {
    if (n == 0) return;
    size = std::max({kRowGrain / 2 / n, (rows + 63) / 64, int64_t{4}});
    count = (rows + size - 1) / size;
  }
  int64_t Begin(int64_t chunk) const { return chunk * size; }
  int64_t End(int64_t chunk) const { return std::min((chunk + 1) * size, rows); }
};

/// Rows that are added up one after the other; longer sums are made of such blocks.
inline constexpr int64_t kRowsInSum = 64;

/// Sums over the rows [begin, end) to each of `to` (n), which hold zeros: f(first, last, sums) adds
/// the rows [first, last) to `sums`. In blocks, so that rounding errors do not grow with the rows.
template <typename C, size_t kSums, class F>
void SumInBlocks(int64_t begin, int64_t end, int64_t n, std::array<C*, kSums> to, F&& f) {
  if (end - begin <= kRowsInSum) return f(begin, end, to);
  const size_t length = static_cast<size_t>(n);
  std::vector<C> blocks(kSums * length);
  std::array<C*, kSums> sums;
  for (size_t s = 0; s < kSums; ++s) sums[s] = blocks.data() + s * length;
  for (int64_t first = begin; first < end; first += kRowsInSum) {
    std::fill(blocks.begin(), blocks.end(), C{0});
    f(first, std::min(first + kRowsInSum, end), sums);
    for (size_t s = 0; s < kSums; ++s) {
      MapLanes(
          length, to[s], [](auto, auto a, auto b) HWY_ATTR { return hn::Add(a, b); },
          static_cast<const C*>(to[s]), static_cast<const C*>(sums[s]));
    }
  }
}

/// Calls `f(T{}, row, n)` for every row of `x` (..., n), in parallel over rows.
template <class F>
void ForEachRow(const char* op, const View& x, F&& f) {
  const int64_t n = x.dim(-1);
  if (x.numel() == 0) return;
  DispatchFloating(x.dtype(), op, [&]<typename T>(T) {
    ParallelFor(x.device(), x.numel() / n, std::max<int64_t>(kRowGrain / n, 1),
                [&](int64_t begin, int64_t end) {
                  for (int64_t row = begin; row < end; ++row) f(T{}, row, static_cast<size_t>(n));
                });
  });
}

/// The greatest of n numbers if none is NaN, else any number or NaN: what is subtracted before the
/// exponentials of a softmax are taken, which then are NaN by themselves.
template <typename T>
ComputeType<T> SoftmaxShift(size_t n, const T* x) {
  const TagFor<T> d;
  const auto max = [](auto a, auto b) HWY_ATTR { return hn::Max(a, b); };
  const auto identity = [](auto, auto v) HWY_ATTR { return v; };
  return hn::GetLane(hn::MaxOfLanes(
      d, ReduceLanes<T>(n, -std::numeric_limits<ComputeType<T>>::infinity(), max, identity, x)));
}

/// e^(v - shift) for vectors of tag D; NaN for NaN.
template <typename C>
struct ShiftedExp {
  C shift;
  template <class D>
  HWY_INLINE hn::Vec<D> operator()(D d, hn::Vec<D> v) const {
    return Simd<D>{d}.Exp(hn::Sub(v, hn::Set(d, shift)));
  }
};

/// to[i] (+)= f(d, in_0[i], in_1[i], ...) for i in [0, n).
template <typename T, class F, typename... In>
HWY_INLINE void StoreGrad(size_t n, T* to, bool accumulate, F&& f, const In*... in) {
  if (!accumulate) return MapLanes(n, to, f, in...);
  MapLanes(
      n, to, [&f](auto d, auto old, auto... v) HWY_ATTR { return hn::Add(old, f(d, v...)); },
      static_cast<const T*>(to), in...);
}

}  // namespace convoy::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // CONVOY_OPS_CPU_ROWS_INL_H_
