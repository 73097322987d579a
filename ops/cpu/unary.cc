// CPU kernels of the element-wise functions of one tensor.
#include "ops/unary_kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/cpu/unary.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "ops/cpu/blocks-inl.h"
#include "ops/cpu/simd-inl.h"
#include "ops/pointwise/simd_math-inl.h"
#include "ops/pointwise/unary-inl.h"

HWY_BEFORE_NAMESPACE();
namespace convoy::HWY_NAMESPACE {

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
template <typename C>
std::pair<BlockFunction<C>, BlockFunction<C>> FindUnary(UnaryFunction id) {
  std::pair<BlockFunction<C>, BlockFunction<C>> found;
  DispatchUnary(id, [&]<class F>(F) { found = {&ForwardBlock<F, C>, &BackwardBlock<F, C>}; });
  return found;
}

void UnaryForward(UnaryFunction f, const UnaryParameters& parameters, const View& x,
                  const View& y) {
  DispatchFloating(x.dtype(), "Unary", [&]<typename T>(T) {
    const Operand operands[] = {Operand::Of(x)};
    RunBlocks<T, T>({y, false}, operands, FindUnary<ComputeType<T>>(f).first, parameters);
  });
}

void UnaryBackward(UnaryFunction f, const UnaryParameters& parameters, const View& dy,
                   const View& saved, const GradTarget& dx) {
  DispatchFloating(dy.dtype(), "Unary", [&]<typename T>(T) {
    const Operand operands[] = {Operand::Of(dy), {saved}};
    RunBlocks<T, T, T>(dx, operands, FindUnary<ComputeType<T>>(f).second, parameters);
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
