// A dense layer: Linear with weights of its own.
#pragma once

#include <cstdint>

#include "models/init.h"
#include "models/module.h"
#include "ops/linear.h"

namespace convoy {

struct LinearOptions {
  int64_t in = 0;
  int64_t out = 0;
  bool bias = true;
  Activation activation = Activation::kNone;  ///< fused into the product
  /// Weights are drawn from a normal distribution of this standard deviation and biases are 0;
  /// with 0 both are KaimingUniform, PyTorch's default.
  double stddev = 0;
};

/// activation(x @ weight^T + bias). Parameters: weight (out, in), bias (out).
class LinearLayer : public Module {
 public:
  /// Throws: Error unless in and out are positive.
  LinearLayer(const LinearOptions& options, Initializer& init);

  /// Shape: x (..., in) -> (..., out).
  Tensor operator()(const Tensor& x) const { return Linear(x, weight_, bias_, activation_); }

  const Tensor& weight() const { return weight_; }

 private:
  Activation activation_;
  Tensor weight_;  // (out, in)
  Tensor bias_;    // (out), or undefined
};

}  // namespace convoy
