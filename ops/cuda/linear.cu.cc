// Kernels of Linear: the activation, and its backward in one pass with the partial sums of the bias
// gradient.
#include "core/workspace.h"
#include "ops/cuda/columns.h"
#include "ops/cuda/elementwise.h"
#include "ops/linear_kernels.h"
#include "ops/pointwise/scalar_math.h"
#include "ops/pointwise/unary-inl.h"

namespace convoy {
namespace {

using scalar::Identity;

template <class F>
struct Forward {
  template <typename C>
  __device__ __forceinline__ C operator()(C z) const {
    return F::Forward(scalar::Scalar<C>(), z);
  }
};

template <class F>
struct Backward {
  template <typename C>
  __device__ __forceinline__ C operator()(C g, C saved) const {
    return F::Backward(scalar::Scalar<C>(), g, saved);
  }
};

void LinearActivate(Activation activation, const View& z, const View& y) {
  DispatchFloating(z.dtype(), "Linear", [&]<typename T>(T) {
    scalar::DispatchActivation(activation, [&]<class F>(F) {
      if constexpr (!std::is_same_v<F, Identity>) {
        cuda::MapFlat<T, T>(Forward<F>(), {y, false}, {Operand::Of(z)});
      }
    });
  });
}

// Makes and writes rows of dz, to be summed; dz may be dy.
template <class F, typename T, int N>
struct GradientRows {
  static constexpr int kAtOnce = std::is_same_v<F, Identity> ? 4 : 2;  // registers for more threads
  using C = ComputeType<T>;
  struct Raw {
    cuda::Pack<T, N> dy, saved;
  };
  const T* dy;
  const T* saved;
  T* dz;
  int64_t columns;

  __device__ __forceinline__ Raw Read(int64_t row, const cuda::ColumnSpan& span) const {
    Raw raw;
    raw.dy = cuda::LoadColumns<N>(dy + row * columns, span);
    if constexpr (!std::is_same_v<F, Identity>) {
      raw.saved = cuda::LoadColumns<N>(saved + row * columns, span);
    }
    return raw;
  }
  __device__ __forceinline__ void Use(const Raw& raw, int64_t row, const cuda::ColumnSpan& span,
                                      C (&values)[N]) const {
    for (int k = 0; k < N; ++k) values[k] = cuda::Widen(raw.dy[k]);
    if constexpr (!std::is_same_v<F, Identity>) {
      cuda::Pack<T, N> rounded;
      for (int k = 0; k < N; ++k) {
        values[k] = Backward<F>()(values[k], cuda::Widen(raw.saved[k]));
        rounded[k] = cuda::Round<T>(values[k]);
      }
      cuda::StoreColumns(dz + row * columns, span, rounded);
    }
  }
};

template <class F, typename T>
void BackwardWithSums(const LinearBackward& args) {
  using C = ComputeType<T>;
  constexpr int N = cuda::kPackElements<T>;
  const cudaStream_t stream = cuda::Use(args.dy.device());
  const int64_t n = args.dy.dim(-1), rows = n == 0 ? 0 : args.dy.numel() / n;
  bool packs = n % N == 0 && cuda::IsAlignedFor(args.dy, N) && cuda::IsAlignedFor(args.dz, N);
  if (args.saved.defined()) packs = packs && cuda::IsAlignedFor(args.saved, N);
  const auto tiles = cuda::ColumnTiles::InChunks(1, rows, n, N, packs);
  Workspace parts = Workspace::Empty({tiles.chunks, n}, {DTypeOf<C>(), args.dy.device()});
  const GradientRows<F, T, N> source = {args.dy.data<T>(),
                                        args.saved.defined() ? args.saved.data<T>() : nullptr,
                                        args.dz.data<T>(), n};
  const cuda::StoreResult<C, C, N> sink = {parts.data<C>(), n};
  cuda::ReduceColumns<cuda::SumReduction, N, C>(tiles, source, sink, stream);
  *args.dbias_parts = std::move(parts);
}

void LinearBackwardKernel(const LinearBackward& args) {
  DispatchFloating(args.dy.dtype(), "Linear", [&]<typename T>(T) {
    scalar::DispatchActivation(args.activation, [&]<class F>(F) {
      if (args.dbias_parts != nullptr) return BackwardWithSums<F, T>(args);
      if constexpr (!std::is_same_v<F, Identity>) {
        cuda::MapFlat<T, T, T>(Backward<F>(), {args.dz, false},
                               {Operand::Of(args.dy), Operand::Of(args.saved)});
      }
    });
  });
}

CONVOY_REGISTER_KERNEL(linear_activate, kCuda, LinearActivate);
CONVOY_REGISTER_KERNEL(linear_backward, kCuda, LinearBackwardKernel);

}  // namespace
}  // namespace convoy
