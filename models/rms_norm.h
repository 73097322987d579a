// RMS normalisation with weights of its own.
#pragma once

#include <cstdint>

#include "models/init.h"
#include "models/module.h"
#include "ops/norm.h"

namespace convoy {

struct RmsNormOptions {
  int64_t channels = 0;
  double eps = 1e-5;
};

/// RmsNorm over the last dimension. Parameter: weight (channels) of ones.
class RmsNormLayer : public Module {
 public:
  RmsNormLayer(const RmsNormOptions& options, Initializer& init) : eps_(options.eps) {
    weight_ = AddParameter("weight", init.Constant({options.channels}, 1));
  }

  /// Shape: x (..., channels) -> the same.
  Tensor operator()(const Tensor& x) const { return RmsNorm(x, weight_, eps_); }

 private:
  double eps_;
  Tensor weight_;  // (channels)
};

}  // namespace convoy
