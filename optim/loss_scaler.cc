// Dynamic loss scaling: keeps f16 gradients within their range.
#include "optim/loss_scaler.h"

#include <cmath>

#include "core/base/error.h"
#include "optim/step_kernels.h"

namespace convoy {

LossScaler::LossScaler(Device device, const LossScalerOptions& options)
    : state_(Tensor::From<double>({ScalerState::kFields}, {options.initial, 0}, device)),
      rule_{.growth = options.growth,
            .growth_interval = static_cast<double>(options.growth_interval),
            .backoff = options.backoff,
            .min = options.min,
            .max = options.max} {
  CONVOY_CHECK(options.min > 0 && options.min <= options.initial &&
                   options.initial <= options.max && std::isfinite(options.max),
               "[LossScaler] wants 0 < min <= initial <= max, got {}, {}, {}", options.min,
               options.initial, options.max);
  CONVOY_CHECK(options.growth >= 1 && std::isfinite(options.growth),
               "[LossScaler] growth must be 1 or more, got {}", options.growth);
  CONVOY_CHECK(options.growth_interval > 0, "[LossScaler] growth_interval must be over 0, got {}",
               options.growth_interval);
  CONVOY_CHECK(options.backoff > 0 && options.backoff < 1,
               "[LossScaler] backoff must lie in (0, 1), got {}", options.backoff);
}

Tensor LossScaler::Seed(const Tensor& root, double weight) const {
  CONVOY_CHECK(root.device() == state_.device(),
               "[LossScaler] the loss is on {}, but the scaler on {}", root.device().ToString(),
               state_.device().ToString());
  CONVOY_CHECK(root.numel() == 1, "[LossScaler] wants a scalar loss, got shape {}",
               root.shape().ToString());
  const Tensor seed = Tensor::Empty(root.shape(), root.options());
  fill_scaled(root.device(), state_, weight, seed);
  return seed;
}

double LossScaler::scale() const { return state_.View({}).Item<double>(); }

ParameterList LossScaler::State() const {
  return {{"loss_scale", state_.View({}, 0)}, {"good_steps", state_.View({}, 1)}};
}

}  // namespace convoy
