// CPU kernels of the reductions.
//
// The reduced dimension is cut into chunks of a fixed length. Each chunk is reduced by itself, in
// parallel, and the results of the chunks are reduced in the same way: a tree, whose shape (and so
// the bits of a sum) does not depend on the number of threads, and in which rounding errors grow
// with its depth.
#include "core/workspace.h"
#include "ops/reduce_kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/cpu/reduce.cc"
#include <algorithm>
#include <limits>

#include "core/threads.h"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "ops/cpu/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace convoy::HWY_NAMESPACE {

struct SumReduction {
  static constexpr double kIdentity = 0;
  template <class V>
  static HWY_INLINE V Combine(V a, V b) {
    return a + b;
  }
  template <class D, class V>
  static HWY_INLINE hn::TFromD<D> OfLanes(D d, V v) {
    return hn::GetLane(hn::SumOfLanes(d, v));
  }
};

struct MaxReduction {
  static constexpr double kIdentity = -std::numeric_limits<double>::infinity();
  template <class V>
  static HWY_INLINE V Combine(V a, V b) {
    return MaxOrNaN(a, b);
  }
  template <class D, class V>
  static HWY_INLINE hn::TFromD<D> OfLanes(D d, V v) {
    if (!hn::AllFalse(d, hn::IsNaN(v))) return std::numeric_limits<hn::TFromD<D>>::quiet_NaN();
    return hn::GetLane(hn::MaxOfLanes(d, v));
  }
};

/// Reduction of n neighbours.
template <class R, typename T>
ComputeType<T> ReduceRow(const T* x, size_t n) {
  const TagFor<T> d;
  return R::OfLanes(d, ReduceLanes<T>(
                           n, static_cast<ComputeType<T>>(R::kIdentity),
                           [](auto a, auto b) HWY_ATTR { return R::Combine(a, b); },
                           [](auto, auto v) HWY_ATTR { return v; }, x));
}

/// out[c] = reduction of x[r * stride + c] over `rows`, for `width` neighbouring columns. Even and
/// odd rows are reduced apart.
template <class R, typename T>
void ReduceColumns(const T* x, int64_t rows, int64_t stride, size_t width, ComputeType<T>* out) {
  using C = ComputeType<T>;
  const TagFor<T> d;
  const size_t lanes = hn::Lanes(d);
  const auto identity = hn::Set(d, static_cast<C>(R::kIdentity));
  size_t c = 0;
  for (; c + 4 * lanes <= width; c += 4 * lanes) {
    auto a0 = identity, a1 = identity, a2 = identity, a3 = identity;
    auto b0 = identity, b1 = identity, b2 = identity, b3 = identity;
    const T* row = x + c;
    int64_t r = 0;
    for (; r + 2 <= rows; r += 2, row += 2 * stride) {
      a0 = R::Combine(a0, LoadAs(d, row));
      a1 = R::Combine(a1, LoadAs(d, row + lanes));
      a2 = R::Combine(a2, LoadAs(d, row + 2 * lanes));
      a3 = R::Combine(a3, LoadAs(d, row + 3 * lanes));
      b0 = R::Combine(b0, LoadAs(d, row + stride));
      b1 = R::Combine(b1, LoadAs(d, row + stride + lanes));
      b2 = R::Combine(b2, LoadAs(d, row + stride + 2 * lanes));
      b3 = R::Combine(b3, LoadAs(d, row + stride + 3 * lanes));
    }
    if (r < rows) {
      a0 = R::Combine(a0, LoadAs(d, row));
      a1 = R::Combine(a1, LoadAs(d, row + lanes));
      a2 = R::Combine(a2, LoadAs(d, row + 2 * lanes));
      a3 = R::Combine(a3, LoadAs(d, row + 3 * lanes));
    }
    hn::StoreU(R::Combine(a0, b0), d, out + c);
    hn::StoreU(R::Combine(a1, b1), d, out + c + lanes);
    hn::StoreU(R::Combine(a2, b2), d, out + c + 2 * lanes);
    hn::StoreU(R::Combine(a3, b3), d, out + c + 3 * lanes);
  }
  for (; c < width; c += lanes) {
    const size_t n = std::min(lanes, width - c);
    const auto load = [&](const T* from) HWY_ATTR {
      return n == lanes ? LoadAs(d, from) : LoadPartial(d, from, n);
    };
    auto a = identity, b = identity;
    int64_t r = 0;
    for (; r + 2 <= rows; r += 2) {
      a = R::Combine(a, load(x + c + r * stride));
      b = R::Combine(b, load(x + c + (r + 1) * stride));
    }
    if (r < rows) a = R::Combine(a, load(x + c + r * stride));
    a = R::Combine(a, b);
    if (n == lanes) {
      hn::StoreU(a, d, out + c);
    } else {
      StorePartial(a, d, out + c, n);
    }
  }
}

inline constexpr int64_t kRowChunk = 1024;    // neighbours reduced at a time
inline constexpr int64_t kColumnChunk = 64;   // rows reduced at a time, column by column
inline constexpr int64_t kColumnTile = 1024;  // columns of one task
inline constexpr int64_t kReduceGrain = 16 << 10;

/// out (outer, inner) = reduction of x (outer, count, inner), in the type of computation.
template <class R, typename T>
void ReduceTree(Device device, ReduceForm form, const T* x, ComputeType<T>* out) {
  using C = ComputeType<T>;
  const int64_t outer = form.outer, count = form.count, inner = form.inner;
  const bool rows = inner == 1;
  const int64_t chunk = rows ? kRowChunk : kColumnChunk;
  const int64_t chunks = std::max<int64_t>((count + chunk - 1) / chunk, 1);
  const int64_t tiles = (inner + kColumnTile - 1) / kColumnTile;
  Workspace partial;
  if (chunks > 1) partial = Workspace::Empty({outer, chunks, inner}, {DTypeOf<C>(), device});
  C* to = chunks > 1 ? partial.data<C>() : out;
  const int64_t task = std::min(chunk, std::max<int64_t>(count, 1)) * std::min(inner, kColumnTile);
  ParallelFor(device, outer * chunks * tiles, std::max<int64_t>(kReduceGrain / task, 1),
              [=](int64_t begin, int64_t end) {
                for (int64_t i = begin; i < end; ++i) {
                  const int64_t piece = i / tiles;  // (outer, chunks)
                  const int64_t o = piece / chunks, from = piece % chunks * chunk;
                  const int64_t length = std::min(chunk, count - from);
                  const int64_t column = i % tiles * kColumnTile;
                  const int64_t width = std::min(kColumnTile, inner - column);
                  const T* in = x + (o * count + from) * inner + column;
                  if (rows) {
                    to[piece] = ReduceRow<R>(in, static_cast<size_t>(length));
                  } else {
                    ReduceColumns<R>(in, length, inner, static_cast<size_t>(width),
                                     to + piece * inner + column);
                  }
                }
              });
  if (chunks > 1) ReduceTree<R, C>(device, {outer, chunks, inner}, to, out);
}

/// to[i] = from[i] / divisor.
template <typename T, typename C>
void Finish(size_t n, const C* from, C divisor, T* to) {
  const hn::ScalableTag<C> d;
  const size_t lanes = hn::Lanes(d);
  const auto by = hn::Set(d, divisor);
  size_t i = 0;
  for (; i + lanes <= n; i += lanes) StoreAs(hn::LoadU(d, from + i) / by, d, to + i);
  for (; i < n; ++i) to[i] = static_cast<T>(from[i] / divisor);
}

template <class R>
void ReduceWith(ReduceForm form, double divisor, const View& x, const View& y) {
  if (y.numel() == 0) return;
  DispatchFloating(x.dtype(), "Reduce", [&]<typename T>(T) {
    using C = ComputeType<T>;
    const bool direct = y.dtype() == DTypeOf<C>();
    Workspace wide;
    if (!direct) wide = Workspace::Empty(y.shape(), {DTypeOf<C>(), y.device()});
    C* const result = direct ? y.data<C>() : wide.data<C>();
    ReduceTree<R>(x.device(), form, x.data<T>(), result);
    if (direct && divisor == 1) return;
    DispatchFloating(y.dtype(), "Reduce", [&]<typename U>(U) {
      if constexpr (std::is_same_v<ComputeType<U>, C>) {
        Finish(static_cast<size_t>(y.numel()), result, static_cast<C>(divisor), y.data<U>());
      }
    });
  });
}

void Reduce(ReduceFunction f, ReduceForm form, double divisor, const View& x, const View& y) {
  switch (f) {
    case ReduceFunction::kSum:
      return ReduceWith<SumReduction>(form, divisor, x, y);
    case ReduceFunction::kMax:
      return ReduceWith<MaxReduction>(form, divisor, x, y);
  }
}

}  // namespace convoy::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include "ops/cpu/dispatch.h"

namespace convoy {
namespace {

void ArgMax(ReduceForm form, const View& x, const View& y) {
  const int64_t count = form.count, inner = form.inner;
  DispatchFloating(x.dtype(), "ArgMax", [&]<typename T>(T) {
    const T* in = x.data<T>();
    int64_t* out = y.data<int64_t>();
    ParallelFor(x.device(), y.numel(), std::max<int64_t>((16 << 10) / count, 1),
                [&](int64_t begin, int64_t end) {
                  for (int64_t i = begin; i < end; ++i) {
                    const T* at = in + i / inner * count * inner + i % inner;
                    auto best = static_cast<ComputeType<T>>(*at);
                    int64_t where = 0;
                    for (int64_t k = 1; k < count && best == best; ++k) {
                      const auto value = static_cast<ComputeType<T>>(at[k * inner]);
                      if (value <= best) continue;  // NaN is not
                      best = value;
                      where = k;
                    }
                    out[i] = where;
                  }
                });
  });
}

}  // namespace

CONVOY_CPU_KERNEL(reduce, Reduce);
CONVOY_REGISTER_KERNEL(arg_max, kCpu, ArgMax);

}  // namespace convoy
#endif  // HWY_ONCE
