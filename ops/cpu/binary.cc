// CPU kernels of the element-wise functions of two tensors, and of Where.
#include "ops/binary_kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/cpu/binary.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "ops/cpu/blocks-inl.h"
#include "ops/cpu/simd-inl.h"
#include "ops/pointwise/binary-inl.h"
#include "ops/pointwise/simd_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace convoy::HWY_NAMESPACE {

template <class F, typename C>
void BinaryBlock(size_t n, C* y, const C* const* in, const UnaryParameters&) {
  MapLanes(
      n, y, [](auto d, auto a, auto b) HWY_ATTR { return F::Forward(Simd{d}, a, b); }, in[0],
      in[1]);
}

template <class F, typename C>
void GradLhsBlock(size_t n, C* dx, const C* const* in, const UnaryParameters&) {
  MapLanes(
      n, dx, [](auto d, auto g, auto a, auto b) HWY_ATTR { return F::GradLhs(Simd{d}, g, a, b); },
      in[0], in[1], in[2]);
}

template <class F, typename C>
void GradRhsBlock(size_t n, C* dx, const C* const* in, const UnaryParameters&) {
  MapLanes(
      n, dx, [](auto d, auto g, auto a, auto b) HWY_ATTR { return F::GradRhs(Simd{d}, g, a, b); },
      in[0], in[1], in[2]);
}

template <typename C>
void WhereBlock(size_t n, C* y, const C* const* in, const UnaryParameters&) {
  MapLanes(
      n, y,
      [](auto d, auto c, auto a, auto b)
          HWY_ATTR { return hn::IfThenElse(c != hn::Zero(d), a, b); },
      in[0], in[1], in[2]);
}

template <class F, typename C>
constexpr BlockFunction<C> GradBlock(Side side) {
  if constexpr (requires { F::kLhs; }) {
    if (side == Side::kLhs) {
      if constexpr (F::kLhs != Partial::kIsGradient) return &GradLhsBlock<F, C>;
    } else {
      if constexpr (F::kRhs != Partial::kIsGradient) return &GradRhsBlock<F, C>;
    }
  }
  return nullptr;
}

template <typename C>
BlockFunction<C> FindBinary(BinaryFunction id) {
  BlockFunction<C> found = nullptr;
  DispatchBinary(id, [&]<class F>(F) { found = &BinaryBlock<F, C>; });
  return found;
}

template <typename C>
BlockFunction<C> FindGradient(BinaryFunction id, Side side) {
  BlockFunction<C> found = nullptr;
  DispatchBinary(id, [&]<class F>(F) { found = GradBlock<F, C>(side); });
  return found;
}

void BinaryForward(BinaryFunction f, const Operand& lhs, const Operand& rhs, const View& y) {
  DispatchFloating(y.dtype(), "Binary", [&]<typename T>(T) {
    const Operand operands[] = {lhs, rhs};
    RunBlocks<T, T, T>({y, false}, operands, FindBinary<ComputeType<T>>(f));
  });
}

void BinaryGradient(BinaryFunction f, Side side, const View& dy, const Operand& lhs,
                    const Operand& rhs, const GradTarget& dx) {
  DispatchFloating(dy.dtype(), "Binary", [&]<typename T>(T) {
    using C = ComputeType<T>;
    const Operand operands[] = {Operand::Of(dy), lhs, rhs};
    const BlockFunction<C> block = FindGradient<C>(f, side);
    if (dx.tensor.dtype() == dy.dtype()) {
      RunBlocks<T, T, T, T>(dx, operands, block);
    } else {
      RunBlocks<C, T, T, T>(dx, operands, block);
    }
  });
}

void WhereForward(const View& condition, const Operand& if_true, const Operand& if_false,
                  const GradTarget& y) {
  DispatchFloating(y.tensor.dtype(), "Where", [&]<typename T>(T) {
    const Operand operands[] = {Operand::Of(condition), if_true, if_false};
    RunBlocks<T, bool, T, T>(y, operands, &WhereBlock<ComputeType<T>>);
  });
}

}  // namespace convoy::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include "ops/cpu/dispatch.h"

namespace convoy {

CONVOY_CPU_KERNEL(binary_forward, BinaryForward);
CONVOY_CPU_KERNEL(binary_gradient, BinaryGradient);
CONVOY_CPU_KERNEL(where_forward, WhereForward);

}  // namespace convoy
#endif  // HWY_ONCE
