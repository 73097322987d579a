// Kernels of the element-wise functions of one tensor.
#include "ops/cuda/elementwise.h"
#include "ops/pointwise/scalar_math.h"
#include "ops/pointwise/unary-inl.h"
#include "ops/unary_kernels.h"

namespace convoy {
namespace {

template <class F>
struct Forward {
  F f;
  template <typename C>
  __device__ __forceinline__ C operator()(C x) const {
    return f.Forward(scalar::Scalar<C>(), x);
  }
};

template <class F>
struct Backward {
  F f;
  template <typename C>
  __device__ __forceinline__ C operator()(C g, C saved) const {
    return f.Backward(scalar::Scalar<C>(), g, saved);
  }
};

void UnaryForward(UnaryFunction id, const UnaryParameters& parameters, const View& x,
                  const View& y) {
  DispatchFloating(x.dtype(), "Unary", [&]<typename T>(T) {
    scalar::DispatchUnary(id, [&]<class F>(F) {
      const Forward<F> f{scalar::MakeUnary<F>(parameters)};
      cuda::MapFlat<T, T>(f, {y, false}, {Operand::Of(x)});
    });
  });
}

void UnaryBackward(UnaryFunction id, const UnaryParameters& parameters, const View& dy,
                   const View& saved, const GradTarget& dx) {
  DispatchFloating(dy.dtype(), "Unary", [&]<typename T>(T) {
    scalar::DispatchUnary(id, [&]<class F>(F) {
      const Backward<F> f{scalar::MakeUnary<F>(parameters)};
      cuda::MapFlat<T, T, T>(f, dx, {Operand::Of(dy), Operand::Of(saved)});
    });
  });
}

CONVOY_REGISTER_KERNEL(unary_forward, kCuda, UnaryForward);
CONVOY_REGISTER_KERNEL(unary_backward, kCuda, UnaryBackward);

}  // namespace
}  // namespace convoy
