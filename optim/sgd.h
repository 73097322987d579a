// Stochastic gradient descent with momentum.
#pragma once

#include "optim/optimizer.h"

namespace convoy {

struct SgdOptions {
  double lr = 0.01;
  double momentum = 0;
  bool nesterov = false;    ///< look ahead along the momentum; wants momentum > 0
  double weight_decay = 0;  ///< added to the gradient, times the value
  std::vector<ParamGroup> groups;
};

/// PyTorch's SGD (dampening 0).
///
///     Sgd sgd(net.Parameters(), {.lr = 0.1, .momentum = 0.9});
///     ... net.Backward(loss, batch); sgd.Step();
class Sgd final : public Optimizer {
 public:
  /// Throws: Error on a negative or non-finite option, or Nesterov without momentum.
  explicit Sgd(const FlatParameters& parameters, const SgdOptions& options = {});

 private:
  void Update(const UpdateBucket& bucket) override;

  double momentum_;
  bool nesterov_;
};

}  // namespace convoy
