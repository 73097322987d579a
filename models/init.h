// Initial values of parameters.
#pragma once

#include <cstdint>

#include "core/random.h"
#include "core/tensor.h"

namespace convoy {

/// Makes the parameters of one model. The n-th tensor made draws from stream n of the seed, so the
/// values depend on the seed and the model's structure only: not on device, worker or threads.
class Initializer {
 public:
  explicit Initializer(Device device, uint64_t seed, DType dtype = DType::kF32)
      : options_{dtype, device}, seed_(seed) {}

  /// Uniform in [-bound, bound), bound = 1 / sqrt(fan_in): PyTorch's default for the weight and
  /// the bias of a dense layer (He et al., "Delving Deep into Rectifiers", 2015, with a = sqrt(5)).
  /// Throws: Error unless fan_in > 0.
  Tensor KaimingUniform(const Shape& shape, int64_t fan_in);
  /// Normal with mean 0.
  Tensor Normal(const Shape& shape, double stddev);
  Tensor Constant(const Shape& shape, double value);

 private:
  Random NextRandom() { return Random(seed_, next_stream_++); }

  TensorOptions options_;
  uint64_t seed_;
  uint64_t next_stream_ = 0;
};

}  // namespace convoy
