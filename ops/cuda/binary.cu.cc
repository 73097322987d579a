// Kernels of the element-wise functions of two tensors, and of Where.
#include "ops/binary_kernels.h"
#include "ops/cuda/elementwise.h"
#include "ops/pointwise/binary-inl.h"
#include "ops/pointwise/scalar_math.h"

namespace convoy {
namespace {

template <class F>
struct Forward {
  template <typename C>
  __device__ __forceinline__ C operator()(C a, C b) const {
    return F::Forward(scalar::Scalar<C>(), a, b);
  }
};

template <class F, Side kSide>
struct Gradient {
  template <typename C>
  __device__ __forceinline__ C operator()(C g, C a, C b) const {
    if constexpr (kSide == Side::kLhs) {
      return F::GradLhs(scalar::Scalar<C>(), g, a, b);
    } else {
      return F::GradRhs(scalar::Scalar<C>(), g, a, b);
    }
  }
};

// Whether F has a gradient of that side which is not the output's itself.
template <class F, Side kSide>
constexpr bool HasGradient() {
  if constexpr (requires { F::kLhs; }) {
    return (kSide == Side::kLhs ? F::kLhs : F::kRhs) != Partial::kIsGradient;
  } else {
    return false;
  }
}

// Every gradient, chosen in the kernel: for stretched operands.
struct AnyGradient {
  BinaryFunction id;
  Side side;

  template <typename C>
  __device__ __forceinline__ C operator()(C g, C a, C b) const {
    switch (id) {
#define CONVOY_BINARY(Name, ...) \
  case BinaryFunction::k##Name:  \
    return Of<scalar::Name>(g, a, b);
#include "ops/pointwise/binary_table.h"
      default:
        return C{};
    }
  }

 private:
  template <class F, typename C>
  __device__ __forceinline__ C Of(C g, C a, C b) const {
    if (side == Side::kLhs) {
      if constexpr (HasGradient<F, Side::kLhs>()) return Gradient<F, Side::kLhs>()(g, a, b);
    } else {
      if constexpr (HasGradient<F, Side::kRhs>()) return Gradient<F, Side::kRhs>()(g, a, b);
    }
    return C{};
  }
};

void BinaryForward(BinaryFunction id, const Operand& lhs, const Operand& rhs, const View& y) {
  DispatchFloating(y.dtype(), "Binary", [&]<typename T>(T) {
    scalar::DispatchBinary(id, [&]<class F>(F) {
      cuda::Map<T, T, T>(Forward<F>(), Forward<F>(), {y, false}, {lhs, rhs});
    });
  });
}

void BinaryGradient(BinaryFunction id, Side side, const View& dy, const Operand& lhs,
                    const Operand& rhs, const GradTarget& dx) {
  const AnyGradient any{id, side};
  DispatchFloating(dy.dtype(), "Binary", [&]<typename T>(T) {
    using C = ComputeType<T>;
    if (dx.tensor.dtype() != dy.dtype()) {  // a step towards the gradient of a stretched operand
      return cuda::Map<C, T, T, T>(any, any, dx, {Operand::Of(dy), lhs, rhs});
    }
    const auto of_side = [&]<class F, Side kSide>() {
      if constexpr (HasGradient<F, kSide>()) {
        cuda::Map<T, T, T, T>(Gradient<F, kSide>(), any, dx, {Operand::Of(dy), lhs, rhs});
      }
    };
    scalar::DispatchBinary(id, [&]<class F>(F) {
      if (side == Side::kLhs) {
        of_side.template operator()<F, Side::kLhs>();
      } else {
        of_side.template operator()<F, Side::kRhs>();
      }
    });
  });
}

struct Select {
  template <typename C>
  __device__ __forceinline__ C operator()(bool condition, C if_true, C if_false) const {
    return condition ? if_true : if_false;
  }
};

void WhereForward(const View& condition, const Operand& if_true, const Operand& if_false,
                  const GradTarget& y) {
  DispatchFloating(y.tensor.dtype(), "Where", [&]<typename T>(T) {
    cuda::Map<T, bool, T, T>(Select(), Select(), y, {Operand::Of(condition), if_true, if_false});
  });
}

CONVOY_REGISTER_KERNEL(binary_forward, kCuda, BinaryForward);
CONVOY_REGISTER_KERNEL(binary_gradient, kCuda, BinaryGradient);
CONVOY_REGISTER_KERNEL(where_forward, kCuda, WhereForward);

}  // namespace
}  // namespace convoy
