// CPU kernels of Linear: the activation, and its backward in one pass with the bias gradient.
#include "ops/linear_kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/cpu/linear.cc"
#include "hwy/foreach_target.h"
#include "ops/cpu/rows-inl.h"
#include "ops/cpu/simd-inl.h"
#include "ops/pointwise/activations-inl.h"
#include "ops/pointwise/simd_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace convoy::HWY_NAMESPACE {

// The derivative of no activation, for the kernels that only sum columns.
struct Identity {
  template <class M, class V>
  static HWY_INLINE V Backward(M, V g, V) {
    return g;
  }
};

template <class F>
void DispatchActivation(Activation activation, F&& f) {
  switch (activation) {
    case Activation::kNone:
      return f(Identity{});
    case Activation::kRelu:
      return f(Relu{});
    case Activation::kGelu:
      return f(Gelu{});
    case Activation::kGeluTanh:
      return f(GeluTanh{});
  }
}

void LinearActivate(Activation activation, const Tensor& z, const Tensor& y) {
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

// Rows are summed in chunks, and the chunks in order: the bits depend on the sizes only, and the
// rounding error does not grow with the number of rows.
struct Chunks {
  static constexpr int64_t kMinRows = 32;
  static constexpr int64_t kMax = 64;
  int64_t rows, size, count;
  explicit Chunks(int64_t all_rows)
      : rows(all_rows),
        size(std::max(kMinRows, (rows + kMax - 1) / kMax)),
        count((rows + size - 1) / size) {}
};

template <class F, typename T>
void Backward(const LinearBackward& args) {
  using C = ComputeType<T>;
  const Device device = args.dy.device();
  const int64_t n = args.dy.dim(-1);
  const Chunks chunks(n == 0 ? 0 : args.dy.numel() / n);
  const bool bias = args.dbias != nullptr;
  const Tensor partial = bias ? Tensor::Empty({chunks.count, n}, {DTypeOf<C>(), device}) : Tensor();
  ParallelFor(device, chunks.count, 1, [&](int64_t first, int64_t last) {
    for (int64_t chunk = first; chunk < last; ++chunk) {
      C* sums = bias ? partial.data<C>() + chunk * n : nullptr;
      if (bias) std::fill_n(sums, n, C{0});
      const int64_t end = std::min((chunk + 1) * chunks.size, chunks.rows);
      for (int64_t row = chunk * chunks.size; row < end; ++row) {
        const T* saved = args.saved.defined() ? args.saved.data<T>() + row * n : nullptr;
        BackwardRow<F>(static_cast<size_t>(n), args.dy.data<T>() + row * n, saved,
                       args.dz.data<T>() + row * n, sums);
      }
    }
  });
  if (!bias) return;
  T* out = args.dbias->tensor.data<T>();
  for (int64_t column = 0; column < n; ++column) {
    C sum = args.dbias->accumulate ? static_cast<C>(out[column]) : C{0};
    for (int64_t chunk = 0; chunk < chunks.count; ++chunk) {
      sum += partial.data<C>()[chunk * n + column];
    }
    out[column] = static_cast<T>(sum);
  }
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

CONVOY_CPU_KERNEL(linear_activate, LinearActivate);
CONVOY_CPU_KERNEL(linear_backward, LinearBackwardKernel);

}  // namespace convoy
#endif  // HWY_ONCE
