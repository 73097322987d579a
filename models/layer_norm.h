// Layer normalisation with weights of its own.
#pragma once

#include <cstdint>

#include "models/init.h"
#include "models/module.h"
#include "ops/norm.h"

namespace convoy {

struct LayerNormOptions {
  int64_t channels = 0;
  double eps = 1e-5;
  bool bias = true;
};

/// LayerNorm over the last dimension. Parameters: weight (channels) of ones, bias (channels) of
/// zeros.
class LayerNormLayer : public Module {
 public:
  LayerNormLayer(const LayerNormOptions& options, Initializer& init) : eps_(options.eps) {
    weight_ = AddParameter("weight", init.Constant({options.channels}, 1));
    if (options.bias) bias_ = AddParameter("bias", init.Constant({options.channels}, 0));
  }

  /// Shape: x (..., channels) -> the same.
  Tensor operator()(const Tensor& x) const { return LayerNorm(x, weight_, bias_, eps_); }
  /// The sum of both, and the normalised sum. Shape: x and residual (..., channels) -> the same.
  SumAndNorm operator()(const Tensor& x, const Tensor& residual) const {
    return AddLayerNorm(x, residual, weight_, bias_, eps_);
  }

 private:
  double eps_;
  Tensor weight_;  // (channels)
  Tensor bias_;    // (channels), or undefined
};

}  // namespace convoy
