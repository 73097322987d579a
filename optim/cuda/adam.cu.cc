// Adam and AdamW on a GPU.
#include "optim/cuda/update.h"

namespace convoy {
namespace {

template <bool kDecoupled>
struct AdamOnDevice {
  using Options = AdamRule;

  template <typename C>
  struct Step {
    static constexpr int kStates = 2;

    __device__ Step(const AdamRule& rule, const StepControl& control,
                    const UpdateSegment& segment) {
      const double lr = control.lr * segment.lr_scale;
      scale = static_cast<C>(control.grad_scale);
      decay = static_cast<C>(segment.weight_decay);
      keep = static_cast<C>(1 - cuda::Mul(lr, segment.weight_decay));
      beta1 = static_cast<C>(rule.beta1);
      rest1 = static_cast<C>(1 - rule.beta1);
      beta2 = static_cast<C>(rule.beta2);
      rest2 = static_cast<C>(1 - rule.beta2);
      root_scale = static_cast<C>(1 / ::sqrt(control.correction2));
      eps = static_cast<C>(rule.eps);
      rate = static_cast<C>(lr / control.correction1);
    }

    __device__ C operator()(C p, C gradient, C* state) const {
      using cuda::Mul;
      using cuda::MulThenAdd;
      C g = Mul(scale, gradient);
      if constexpr (kDecoupled) {
        p = Mul(p, keep);
      } else {
        g = MulThenAdd(decay, p, g);
      }
      const C m = MulThenAdd(beta1, state[0], Mul(rest1, g));
      const C v = MulThenAdd(beta2, state[1], Mul(Mul(rest2, g), g));
      state[0] = m;
      state[1] = v;
      return p - Mul(rate, m / MulThenAdd(Root(v), root_scale, eps));
    }

    __device__ static float Root(float x) { return ::sqrtf(x); }
    __device__ static double Root(double x) { return ::sqrt(x); }

    C scale, decay, keep, beta1, rest1, beta2, rest2, root_scale, eps, rate;
  };
};

void AdamUpdate(const UpdateBucket& bucket, const AdamRule& rule) {
  DispatchFloating(bucket.values.dtype(), "Adam", [&]<typename T>(T) {
    if (rule.decoupled) return cuda::LaunchUpdate<T, AdamOnDevice<true>>(bucket, rule);
    return cuda::LaunchUpdate<T, AdamOnDevice<false>>(bucket, rule);
  });
}

CONVOY_REGISTER_KERNEL(adam_update, kCuda, AdamUpdate);

}  // namespace
}  // namespace convoy
