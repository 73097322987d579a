// A multi-layer perceptron: dense layers with ReLU between them.
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "models/dropout.h"
#include "models/linear.h"
#include "models/module.h"

namespace convoy {

struct MlpOptions {
  int64_t in = 0;
  std::vector<int64_t> hidden;  ///< outputs of each hidden layer; none gives a linear classifier
  int64_t out = 0;
  double dropout = 0;         ///< after each hidden layer
  DType dtype = DType::kF32;  ///< of parameters and activations: f32, f64, bf16 or f16
};

/// Parameters: layers.0.weight, layers.0.bias, layers.1.weight, ... initialised as PyTorch does.
class Mlp : public Module {
 public:
  /// Throws: Error on a size that is not positive, or a dropout outside [0, 1).
  Mlp(const MlpOptions& options, Device device, uint64_t seed)
      : Mlp(options, Initializer(device, seed, options.dtype)) {}

  /// Shape: x (N, ...) of `in` elements a row -> (N, out).
  /// DType: any floating one, converted -> the model's.
  Tensor operator()(const Tensor& x);

 private:
  Mlp(const MlpOptions& options, Initializer init);

  /// The hidden and output layers, under their numbers.
  struct Layers : Module {
    Layers(const MlpOptions& options, Initializer& init);
    std::deque<LinearLayer> layers;  // a deque, since modules cannot move
  };

  int64_t in_;
  DType dtype_;
  Layers layers_;
  DropoutLayer dropout_;
};

}  // namespace convoy
