// Dynamic loss scaling: keeps f16 gradients within their range.
#pragma once

#include "core/tensor.h"
#include "optim/decide_step.h"

namespace convoy {

struct LossScalerOptions {
  double initial = 65536;
  double growth = 2;           ///< times this after ...
  int growth_interval = 2000;  ///< ... so many steps in a row without an overflow
  double backoff = 0.5;        ///< times this after an overflow
  double min = 1;              ///< the scale stays within [min, max]
  double max = 0x1p24;
};

/// A factor on the loss, and so on every gradient; the optimizer divides by it again. A step whose
/// gradients overflow is skipped, on all workers alike, and the scale halves. All of it happens on
/// the device, which the host never waits for.
///
///     LossScaler scaler(worker.device());
///     net.Backward(loss, batch, {.scaler = &scaler});
///     adamw.Step({.max_grad_norm = 1, .scaler = &scaler});
///
/// The scale changes in Step: one optimizer a scaler, and every micro-batch of a step has the same.
class LossScaler {
 public:
  /// Throws: Error on options that make no sense.
  explicit LossScaler(Device device, const LossScalerOptions& options = {});
  LossScaler(const LossScaler&) = delete;
  LossScaler& operator=(const LossScaler&) = delete;

  /// What a backward starts with: `weight` times the scale, in the shape and dtype of `root`.
  /// Throws: Error unless `root` has one element, on the scaler's device.
  Tensor Seed(const Tensor& root, double weight) const;

  /// The scale now. Waits for the device.
  double scale() const;

  /// "loss_scale" and "good_steps" (f64 scalars): the state itself, for checkpoints.
  ParameterList State() const;

  // For the optimizer.
  const Tensor& state() const { return state_; }
  const ScalerRule& rule() const { return rule_; }

 private:
  Tensor state_;  // ScalerState
  ScalerRule rule_;
};

}  // namespace convoy
