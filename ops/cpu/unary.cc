// CPU kernels of the element-wise functions of one tensor.
#include "ops/unary_kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/cpu/unary.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "ops/cpu/blocks-inl.h"
#include "ops/cpu/simd-inl.h"
#include "ops/pointwise/activations-inl.h"
#include "ops/pointwise/elementary-inl.h"
#include "ops/pointwise/simd_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace convoy::HWY_NAMESPACE {

template <class... F>
struct UnaryList {};
using AllUnary = UnaryList<Neg, Abs, Exp, Log, Sqrt, Rsqrt, Tanh, Sigmoid, Relu, Silu, Gelu,
                           GeluTanh, Clamp, Pow>;

template <class F>
F MakeUnary(const UnaryParameters& p) {
  if constexpr (std::is_empty_v<F>) {
    return F{};
  } else if constexpr (requires { F{p.a, p.b}; }) {
    return F{p.a, p.b};
  } else {
    return F{p.a};
  }
}

template <class F, typename C>
void ForwardBlock(size_t n, C* y, const C* const* in, const UnaryParameters& parameters) {
  const F f = MakeUnary<F>(parameters);
  MapLanes(
      n, y, [f](auto d, auto x) HWY_ATTR { return f.Forward(Simd{d}, x); }, in[0]);
}

template <class F, typename C>
void BackwardBlock(size_t n, C* dx, const C* const* in, const UnaryParameters& parameters) {
  const F f = MakeUnary<F>(parameters);
  MapLanes(
      n, dx, [f](auto d, auto g, auto saved) HWY_ATTR { return f.Backward(Simd{d}, g, saved); },
      in[0], in[1]);
}

/// The block functions of `id`: forward and backward.
template <typename C, class... F>
std::pair<BlockFunction<C>, BlockFunction<C>> FindUnary(UnaryFunction id, UnaryList<F...>) {
  std::pair<BlockFunction<C>, BlockFunction<C>> found;
  ((F::kId == id ? void(found = {&ForwardBlock<F, C>, &BackwardBlock<F, C>}) : void()), ...);
  return found;
}

void UnaryForward(UnaryFunction f, const UnaryParameters& parameters, const Tensor& x,
                  const Tensor& y) {
  DispatchFloating(x.dtype(), "Unary", [&]<typename T>(T) {
    const Operand operands[] = {Operand::Of(x)};
    RunBlocks<T, T>({y, false}, operands, FindUnary<ComputeType<T>>(f, AllUnary()).first,
                    parameters);
  });
}

void UnaryBackward(UnaryFunction f, const UnaryParameters& parameters, const Tensor& dy,
                   const Tensor& saved, const GradTarget& dx) {
  DispatchFloating(dy.dtype(), "Unary", [&]<typename T>(T) {
    const Operand operands[] = {Operand::Of(dy), {saved}};
    RunBlocks<T, T, T>(dx, operands, FindUnary<ComputeType<T>>(f, AllUnary()).second, parameters);
  });
}

}  // namespace convoy::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include "ops/cpu/dispatch.h"

namespace convoy {

CONVOY_CPU_KERNEL(unary_forward, UnaryForward);
CONVOY_CPU_KERNEL(unary_backward, UnaryBackward);

}  // namespace convoy
#endif  // HWY_ONCE
