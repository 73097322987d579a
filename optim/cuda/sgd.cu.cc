// SGD on a GPU.
#include "optim/cuda/update.h"

namespace convoy {
namespace {

template <bool kMomentum, bool kNesterov>
struct SgdOnDevice {
  using Options = SgdRule;

  template <typename C>
  struct Step {
    static constexpr int kStates = kMomentum ? 1 : 0;

    __device__ Step(const SgdRule& rule, const StepControl& control, const UpdateSegment& segment)
        : scale(static_cast<C>(control.grad_scale)),
          decay(static_cast<C>(segment.weight_decay)),
          momentum(static_cast<C>(rule.momentum)),
          rate(static_cast<C>(control.lr * segment.lr_scale)) {}

    __device__ C operator()(C p, C gradient, C* state) const {
      const C g = cuda::MulThenAdd(decay, p, cuda::Mul(scale, gradient));
      C direction = g;
      if constexpr (kMomentum) {
        const C m = cuda::MulThenAdd(momentum, state[0], g);
        state[0] = m;
        direction = kNesterov ? cuda::MulThenAdd(momentum, m, g) : m;
      }
      return p - cuda::Mul(rate, direction);
    }

    C scale, decay, momentum, rate;
  };
};

void SgdUpdate(const UpdateBucket& bucket, const SgdRule& rule) {
  DispatchFloating(bucket.values.dtype(), "Sgd", [&]<typename T>(T) {
    if (rule.nesterov) return cuda::LaunchUpdate<T, SgdOnDevice<true, true>>(bucket, rule);
    if (rule.momentum != 0) return cuda::LaunchUpdate<T, SgdOnDevice<true, false>>(bucket, rule);
    return cuda::LaunchUpdate<T, SgdOnDevice<false, false>>(bucket, rule);
  });
}

CONVOY_REGISTER_KERNEL(sgd_update, kCuda, SgdUpdate);

}  // namespace
}  // namespace convoy
