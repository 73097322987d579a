// CPU kernels of Linear: the activation, and its backward in one pass with the partial sums of the
// bias gradient.
#include "core/workspace.h"
#include "ops/linear_kernels.h"
#include "ops/linear_passes.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/cpu/linear.cc"
#include "hwy/foreach_target.h"
#include "ops/cpu/rows-inl.h"
#include "ops/cpu/simd-inl.h"
#include "ops/pointwise/simd_math-inl.h"
#include "ops/pointwise/unary-inl.h"

HWY_BEFORE_NAMESPACE();
namespace convoy::HWY_NAMESPACE {

void LinearActivate(Activation activation, const View& z, const View& y) {
  DispatchFloating(z.dtype(), "Linear", [&]<typename T>(T) {
    DispatchActivation(activation, [&]<class F>(F) {
      if constexpr (!std::is_same_v<F, Identity>) {
        const T* in = z.data<T>();
        T* out = y.data<T>();
        ParallelFor(z.device(), z.numel(), kRowGrain, [&](int64_t begin, int64_t end) HWY_ATTR {
          MapLanes(
              static_cast<size_t>(end - begin), out + begin,
              [](auto d, auto v) HWY_ATTR { return F::Forward(Simd<decltype(d)>{d}, v); },
              in + begin);
        });
      }
    });
  });
}

// Columns of one row: dz = dy * activation', and sums += dz. Null pointers are passed over: `dz`
// where nothing changes it, `sums` where no bias gradient is wanted.
template <class F, typename T>
void BackwardRow(size_t n, const T* dy, const T* saved, T* dz, ComputeType<T>* sums) {
  const TagFor<T> d;
  const size_t lanes = hn::Lanes(d);
  const Simd<TagFor<T>> m{d};
  size_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    auto g = LoadAs(d, dy + i);
    if constexpr (!std::is_same_v<F, Identity>) {
      g = F::Backward(m, g, LoadAs(d, saved + i));
      StoreAs(g, d, dz + i);
    }
    if (sums != nullptr) hn::StoreU(hn::Add(hn::LoadU(d, sums + i), g), d, sums + i);
  }
  if (i == n) return;
  auto g = LoadPartial(d, dy + i, n - i);
  if constexpr (!std::is_same_v<F, Identity>) {
    g = F::Backward(m, g, LoadPartial(d, saved + i, n - i));
    StorePartial(g, d, dz + i, n - i);
  }
  if (sums != nullptr) {
    StorePartial(hn::Add(LoadPartial(d, sums + i, n - i), g), d, sums + i, n - i);
  }
}

template <class F, typename T>
void Backward(const LinearBackward& args) {
  using C = ComputeType<T>;
  const int64_t n = args.dy.dim(-1);
  const RowChunks chunks(n == 0 ? 0 : args.dy.numel() / n, n);
  C* parts = nullptr;
  if (args.dbias_parts != nullptr) {
    *args.dbias_parts = Workspace::Zeros({chunks.count, n}, {DTypeOf<C>(), args.dy.device()});
    parts = args.dbias_parts->data<C>();
  }
  const T* dy = args.dy.data<T>();
  const T* saved = args.saved.defined() ? args.saved.data<T>() : nullptr;
  T* dz = args.dz.data<T>();
  ParallelFor(args.dy.device(), chunks.count, 1, [&](int64_t first, int64_t last) {
    const auto rows = [&](int64_t begin, int64_t end, std::array<C*, 1> sums) {
      for (int64_t row = begin; row < end; ++row) {
        BackwardRow<F>(static_cast<size_t>(n), dy + row * n, saved ? saved + row * n : nullptr,
                       dz + row * n, sums[0]);
      }
    };
    for (int64_t chunk = first; chunk < last; ++chunk) {
      const int64_t begin = chunks.Begin(chunk), end = chunks.End(chunk);
      if (parts == nullptr) {
        rows(begin, end, {nullptr});
      } else {
        SumInBlocks<C, 1>(begin, end, n, {parts + chunk * n}, rows);
      }
    }
  });
}

void LinearBackwardKernel(const LinearBackward& args) {
  DispatchFloating(args.dy.dtype(), "Linear", [&]<typename T>(T) {
    DispatchActivation(args.activation, [&]<class F>(F) { Backward<F, T>(args); });
  });
}

}  // namespace convoy::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include "ops/cpu/dispatch.h"

namespace convoy {

CONVOY_REGISTER_KERNEL(linear_forward, kCpu, LinearForwardInPasses);
CONVOY_REGISTER_KERNEL(linear_weight_gradient, kCpu, LinearWeightGradientInPasses);
CONVOY_CPU_KERNEL(linear_activate, LinearActivate);
CONVOY_CPU_KERNEL(linear_backward, LinearBackwardKernel);

}  // namespace convoy
#endif  // HWY_ONCE
