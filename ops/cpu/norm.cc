// CPU kernels of LayerNorm, AddLayerNorm and RmsNorm: forward row by row; backward over fixed
// chunks of rows, each with its own sums for weight and bias, so that the bits do not depend on the
// threads.
#include "core/workspace.h"
#include "ops/norm_kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/cpu/norm.cc"
#include <limits>

#include "hwy/foreach_target.h"
#include "ops/cpu/rows-inl.h"
#include "ops/cpu/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace convoy::HWY_NAMESPACE {

template <typename C>
HWY_INLINE C Rstd(C sum_of_squares, size_t n, double eps) {
  return 1 / std::sqrt(sum_of_squares / static_cast<C>(n) + static_cast<C>(eps));
}

// What values are multiplied by where their squares overflow: a power of two, so that nothing is
// rounded, and so small that the sum of any row's squares is finite.
template <typename C>
inline constexpr C kShrink = std::is_same_v<C, double> ? C(0x1p-768) : C(0x1p-96);

template <typename C>
HWY_INLINE bool Overflows(C sum_of_squares) {
  return !(sum_of_squares <= std::numeric_limits<C>::max());
}

// out = the row `in` times kShrink.
template <typename T>
HWY_INLINE void ShrinkRow(size_t n, const T* in, T* out) {
  MapLanes(
      n, out,
      [](auto d, auto v) HWY_ATTR { return hn::Mul(v, hn::Set(d, kShrink<ComputeType<T>>)); }, in);
}

// out = the normalised row `in` of n elements, which may be `out`; `b` may be null. A row whose
// squares overflow is normalised once more, shrunk; one that is not finite gives NaN either way.
template <typename T, bool kShrunk = false>
HWY_INLINE void NormalizeRow(size_t n, const T* in, const T* w, const T* b, double eps, T* out,
                             ComputeType<T>& mean, ComputeType<T>& rstd) {
  using C = ComputeType<T>;
  const C sum = SumOver<T>(
      n, [](auto, auto v) HWY_ATTR { return v; }, in);
  const C m = sum / static_cast<C>(n);
  const C squares = SumOver<T>(
      n,
      [m](auto d, auto v) HWY_ATTR {
        const auto centred = hn::Sub(v, hn::Set(d, m));
        return hn::Mul(centred, centred);
      },
      in);
  if constexpr (!kShrunk) {
    if (HWY_UNLIKELY(Overflows(squares))) {
      ShrinkRow(n, in, out);
      NormalizeRow<T, true>(n, out, w, b, eps * kShrink<C> * kShrink<C>, out, mean, rstd);
      mean /= kShrink<C>;
      rstd *= kShrink<C>;
      return;
    }
  }
  const C r = Rstd(squares, n, eps);
  mean = m;
  rstd = r;
  const auto scale = [m, r](auto d, auto v, auto w) HWY_ATTR {
    return hn::Mul(hn::Mul(hn::Sub(v, hn::Set(d, m)), hn::Set(d, r)), w);
  };
  if (b == nullptr) return MapLanes(n, out, scale, in, w);
  MapLanes(
      n, out,
      [&scale](auto d, auto v, auto w, auto b) HWY_ATTR { return hn::Add(scale(d, v, w), b); }, in,
      w, b);
}

void LayerNormForward(const View& x, const View& weight, const View& bias, double eps,
                      const View& y, const View& mean, const View& rstd) {
  ForEachRow("LayerNorm", x, [&]<typename T>(T, int64_t row, size_t n) HWY_ATTR {
    using C = ComputeType<T>;
    const int64_t at = row * static_cast<int64_t>(n);
    NormalizeRow<T>(n, x.data<T>() + at, weight.data<T>(),
                    bias.defined() ? bias.data<T>() : nullptr, eps, y.data<T>() + at,
                    mean.data<C>()[row], rstd.data<C>()[row]);
  });
}

void AddLayerNormForward(const View& x, const View& residual, const View& weight, const View& bias,
                         double eps, const View& sum, const View& y, const View& mean,
                         const View& rstd) {
  ForEachRow("AddLayerNorm", x, [&]<typename T>(T, int64_t row, size_t n) HWY_ATTR {
    using C = ComputeType<T>;
    const int64_t at = row * static_cast<int64_t>(n);
    T* const total = sum.data<T>() + at;
    MapLanes(
        n, total, [](auto, auto a, auto b) HWY_ATTR { return hn::Add(a, b); },
        static_cast<const T*>(x.data<T>() + at), static_cast<const T*>(residual.data<T>() + at));
    NormalizeRow<T>(n, total, weight.data<T>(), bias.defined() ? bias.data<T>() : nullptr, eps,
                    y.data<T>() + at, mean.data<C>()[row], rstd.data<C>()[row]);
  });
}

// As NormalizeRow, with a mean of 0 and no bias.
template <typename T, bool kShrunk = false>
HWY_INLINE void RmsNormalizeRow(size_t n, const T* in, const T* w, double eps, T* out,
                                ComputeType<T>& rstd) {
  using C = ComputeType<T>;
  const C squares = SumOver<T>(
      n, [](auto, auto v) HWY_ATTR { return hn::Mul(v, v); }, in);
  if constexpr (!kShrunk) {
    if (HWY_UNLIKELY(Overflows(squares))) {
      ShrinkRow(n, in, out);
      RmsNormalizeRow<T, true>(n, out, w, eps * kShrink<C> * kShrink<C>, out, rstd);
      rstd *= kShrink<C>;
      return;
    }
  }
  const C r = Rstd(squares, n, eps);
  rstd = r;
  MapLanes(
      n, out,
      [r](auto d, auto v, auto w) HWY_ATTR { return hn::Mul(hn::Mul(v, hn::Set(d, r)), w); }, in,
      w);
}

void RmsNormForward(const View& x, const View& weight, double eps, const View& y,
                    const View& rstd) {
  ForEachRow("RmsNorm", x, [&]<typename T>(T, int64_t row, size_t n) HWY_ATTR {
    const int64_t at = row * static_cast<int64_t>(n);
    RmsNormalizeRow<T>(n, x.data<T>() + at, weight.data<T>(), eps, y.data<T>() + at,
                       rstd.data<ComputeType<T>>()[row]);
  });
}

// Rows that share one pass over the sums for weight and bias.
inline constexpr int64_t kTileRows = 4;

// What one row needs in backward; `dx` is null if nobody does.
template <typename T>
struct BackwardRow {
  const T* dy;
  const T* x;
  T* dx;
  ComputeType<T> mean;
  ComputeType<T> rstd;
};

// The gradient of kRows rows of n elements, adding their part of the sums for weight and bias.
// RmsNorm is the case that does not centre: a mean of 0, which no gradient flows through.
template <typename T, bool kCentre, int kRows>
void BackwardTile(const BackwardRow<T>* rows, const T* weight, size_t n, bool accumulate,
                  ComputeType<T>* dweight, ComputeType<T>* dbias) {
  using C = ComputeType<T>;
  const TagFor<T> d;
  using V = hn::Vec<TagFor<T>>;
  const size_t lanes = hn::Lanes(d);
  V sums[kRows], dots[kRows];
  for (int r = 0; r < kRows; ++r) sums[r] = dots[r] = hn::Zero(d);
  const auto step = [&](V w, auto&& load, auto&& load_sum, auto&& store_sum) HWY_ATTR {
    V dw = load_sum(dweight);
    V db = kCentre ? load_sum(dbias) : hn::Zero(d);
    for (int r = 0; r < kRows; ++r) {
      const V g = load(rows[r].dy);
      V centred = load(rows[r].x);
      if constexpr (kCentre) centred = hn::Sub(centred, hn::Set(d, rows[r].mean));
      const V xhat = hn::Mul(centred, hn::Set(d, rows[r].rstd));
      const V gw = hn::Mul(g, w);
      dw = hn::MulAdd(g, xhat, dw);
      dots[r] = hn::MulAdd(gw, xhat, dots[r]);
      if constexpr (kCentre) {
        db = hn::Add(db, g);
        sums[r] = hn::Add(sums[r], gw);
      }
    }
    store_sum(dw, dweight);
    if constexpr (kCentre) store_sum(db, dbias);
  };
  size_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    step(
        LoadAs(d, weight + i), [&](const T* from) HWY_ATTR { return LoadAs(d, from + i); },
        [&](const C* from) HWY_ATTR { return LoadAs(d, from + i); },
        [&](V v, C* to) HWY_ATTR { StoreAs(v, d, to + i); });
  }
  if (const size_t left = n - i; left > 0) {  // dy, weight read as 0: these lanes add nothing
    step(
        LoadPartial(d, weight + i, left),
        [&](const T* from) HWY_ATTR { return LoadPartial(d, from + i, left); },
        [&](const C* from) HWY_ATTR { return LoadPartial(d, from + i, left); },
        [&](V v, C* to) HWY_ATTR { StorePartial(v, d, to + i, left); });
  }
  for (int r = 0; r < kRows; ++r) {
    const BackwardRow<T>& row = rows[r];
    if (row.dx == nullptr) continue;
    const C scale = 1 / static_cast<C>(n);
    const C mean = kCentre ? hn::GetLane(hn::SumOfLanes(d, sums[r])) * scale : 0;
    const C dot = hn::GetLane(hn::SumOfLanes(d, dots[r])) * scale;
    StoreGrad(
        n, row.dx, accumulate,
        [&row, mean, dot](auto d, auto g, auto x, auto w) HWY_ATTR {
          const auto rstd = hn::Set(d, row.rstd);
          const auto xhat = hn::Mul(hn::Sub(x, hn::Set(d, row.mean)), rstd);
          const auto gw = hn::MulSub(g, w, hn::Set(d, mean));
          return hn::Mul(hn::NegMulAdd(xhat, hn::Set(d, dot), gw), rstd);
        },
        row.dy, row.x, weight);
  }
}

template <bool kCentre>
void NormBackward(const char* op, const View& dy, const View& x, const View& weight,
                  const View& mean, const View& rstd, const GradTarget& dx,
                  Workspace& dweight_parts, Workspace& dbias_parts) {
  const int64_t n = x.dim(-1);
  const RowChunks chunks(rstd.numel(), n);
  dweight_parts = Workspace::Empty({chunks.count, n}, rstd.options());
  if (kCentre) dbias_parts = Workspace::Empty({chunks.count, n}, rstd.options());
  DispatchFloating(x.dtype(), op, [&]<typename T>(T) {
    using C = ComputeType<T>;
    const T* w = weight.data<T>();
    const auto row = [&](int64_t i) {
      return BackwardRow<T>{.dy = dy.data<T>() + i * n,
                            .x = x.data<T>() + i * n,
                            .dx = dx.tensor.defined() ? dx.tensor.data<T>() + i * n : nullptr,
                            .mean = kCentre ? mean.data<C>()[i] : 0,
                            .rstd = rstd.data<C>()[i]};
    };
    constexpr size_t kSums = kCentre ? 2 : 1;
    const auto add_rows = [&](int64_t first, int64_t last, std::array<C*, kSums> sums) {
      C* const dweight = sums[0];
      C* const dbias = kCentre ? sums[kSums - 1] : nullptr;
      int64_t i = first;
      for (; i + kTileRows <= last; i += kTileRows) {
        BackwardRow<T> tile[kTileRows];
        for (int64_t r = 0; r < kTileRows; ++r) tile[r] = row(i + r);
        BackwardTile<T, kCentre, kTileRows>(tile, w, static_cast<size_t>(n), dx.accumulate, dweight,
                                            dbias);
      }
      for (; i < last; ++i) {
        const BackwardRow<T> single = row(i);
        BackwardTile<T, kCentre, 1>(&single, w, static_cast<size_t>(n), dx.accumulate, dweight,
                                    dbias);
      }
    };
    ParallelFor(x.device(), chunks.count, 1, [&](int64_t begin, int64_t end) {
      for (int64_t chunk = begin; chunk < end; ++chunk) {
        std::array<C*, kSums> sums = {dweight_parts.data<C>() + chunk * n};
        if constexpr (kCentre) sums[1] = dbias_parts.data<C>() + chunk * n;
        for (C* const sum : sums) std::fill_n(sum, n, C{0});
        SumInBlocks(chunks.Begin(chunk), chunks.End(chunk), n, sums, add_rows);
      }
    });
  });
}

void LayerNormBackward(const View& dy, const View& x, const View& weight, const View& mean,
                       const View& rstd, const GradTarget& dx, Workspace& dweight_parts,
                       Workspace& dbias_parts) {
  NormBackward<true>("LayerNorm", dy, x, weight, mean, rstd, dx, dweight_parts, dbias_parts);
}

void RmsNormBackward(const View& dy, const View& x, const View& weight, const View& rstd,
                     const GradTarget& dx, Workspace& dweight_parts) {
  Workspace no_bias;
  NormBackward<false>("RmsNorm", dy, x, weight, {}, rstd, dx, dweight_parts, no_bias);
}

}  // namespace convoy::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include "ops/cpu/dispatch.h"

namespace convoy {

CONVOY_CPU_KERNEL(layer_norm_forward, LayerNormForward);
CONVOY_CPU_KERNEL(layer_norm_backward, LayerNormBackward);
CONVOY_CPU_KERNEL(add_layer_norm_forward, AddLayerNormForward);
CONVOY_CPU_KERNEL(rms_norm_forward, RmsNormForward);
CONVOY_CPU_KERNEL(rms_norm_backward, RmsNormBackward);

}  // namespace convoy
#endif  // HWY_ONCE
