// Kernel of Cast.
#include <limits>

#include "ops/cast_kernels.h"
#include "ops/cuda/elementwise.h"

namespace convoy {
namespace {

// One element on its way; the 16-bit floats go by way of f32.
template <typename To>
struct CastTo {
  using C = ComputeType<To>;

  template <typename V>
  __device__ __forceinline__ C operator()(V value) const {
    if constexpr (std::is_same_v<To, bool>) {
      return value != V{};
    } else if constexpr (std::is_floating_point_v<V> && std::is_integral_v<To>) {
      if (value != value) return 0;
      // The limits as V: the upper one may be rounded up by that, to what is just out of range.
      constexpr V kLow = static_cast<V>(std::numeric_limits<To>::min());
      constexpr V kHigh = static_cast<V>(std::numeric_limits<To>::max());
      if (value <= kLow) return std::numeric_limits<To>::min();
      if (value >= kHigh) return std::numeric_limits<To>::max();
      return static_cast<To>(value);
    } else {
      return static_cast<C>(value);
    }
  }
};

void CastForward(const View& x, const View& y) {
  DispatchAll(x.dtype(), [&]<typename From>(From) {
    DispatchAll(y.dtype(), [&]<typename To>(To) {
      cuda::MapFlat<To, From>(CastTo<To>(), {y, false}, {Operand::Of(x)});
    });
  });
}

CONVOY_REGISTER_KERNEL(cast_forward, kCuda, CastForward);

}  // namespace
}  // namespace convoy
