// Adam, and AdamW with decoupled weight decay.
#pragma once

#include "optim/optimizer.h"

namespace convoy {

template <bool kDecoupled>
struct BasicAdamOptions {
  double lr = 1e-3;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double eps = 1e-8;  ///< over 0
  /// Adam: added to the gradient, times the value. AdamW: shrinks the value itself, times lr.
  double weight_decay = kDecoupled ? 0.01 : 0.0;
  std::vector<ParamGroup> groups;
};

/// PyTorch's Adam and AdamW (bias correction, no AMSGrad).
///
///     AdamW adam(net.Parameters(), {.lr = 1e-3, .beta2 = 0.99, .weight_decay = 0.1,
///                                   .groups = NoDecayOnBiasesAndNorms()});
template <bool kDecoupled>
class BasicAdam final : public Optimizer {
 public:
  using Options = BasicAdamOptions<kDecoupled>;

  /// Throws: Error on a negative or non-finite option, a beta outside [0, 1), or eps 0.
  explicit BasicAdam(const FlatParameters& parameters, const Options& options = {});

 private:
  void Update(const UpdateBucket& bucket) override;

  double beta1_, beta2_, eps_;
};

using AdamOptions = BasicAdamOptions<false>;
using AdamWOptions = BasicAdamOptions<true>;
using Adam = BasicAdam<false>;
using AdamW = BasicAdam<true>;

}  // namespace convoy
