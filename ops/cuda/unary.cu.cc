// Kernels of the element-wise functions of one tensor.
#include "ops/cuda/elementwise.h"
#include "ops/pointwise/activations-inl.h"
#include "ops/pointwise/elementary-inl.h"
#include "ops/pointwise/scalar_math.h"
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

template <class F>
F Make(const UnaryParameters& p) {
  if constexpr (std::is_empty_v<F>) {
    return F{};
  } else if constexpr (requires { F{p.a, p.b}; }) {
    return F{p.a, p.b};
  } else {
    return F{p.a};
  }
}

template <class... F>
struct List {};
using AllUnary = List<scalar::Neg, scalar::Abs, scalar::Exp, scalar::Log, scalar::Sqrt,
                      scalar::Rsqrt, scalar::Tanh, scalar::Sigmoid, scalar::Relu, scalar::Silu,
                      scalar::Gelu, scalar::GeluTanh, scalar::Clamp, scalar::Pow>;

// Calls `run(f)` with the function that `id` names.
template <class Run, class... F>
void Dispatch(UnaryFunction id, const UnaryParameters& parameters, Run&& run, List<F...>) {
  ((F::kId == id ? run(Make<F>(parameters)) : void()), ...);
}

void UnaryForward(UnaryFunction id, const UnaryParameters& parameters, const Tensor& x,
                  const Tensor& y) {
  DispatchFloating(x.dtype(), "Unary", [&]<typename T>(T) {
    const auto run = [&]<class F>(const F& f) {
      cuda::MapFlat<T, T>(Forward<F>{f}, {y, false}, {Operand::Of(x)});
    };
    Dispatch(id, parameters, run, AllUnary());
  });
}

void UnaryBackward(UnaryFunction id, const UnaryParameters& parameters, const Tensor& dy,
                   const Tensor& saved, const GradTarget& dx) {
  DispatchFloating(dy.dtype(), "Unary", [&]<typename T>(T) {
    const auto run = [&]<class F>(const F& f) {
      cuda::MapFlat<T, T, T>(Backward<F>{f}, dx, {Operand::Of(dy), Operand::Of(saved)});
    };
    Dispatch(id, parameters, run, AllUnary());
  });
}

CONVOY_REGISTER_KERNEL(unary_forward, kCuda, UnaryForward);
CONVOY_REGISTER_KERNEL(unary_backward, kCuda, UnaryBackward);

}  // namespace
}  // namespace convoy
