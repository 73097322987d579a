// Initializer: one stream of random numbers per parameter.
#include "models/init.h"

#include <cmath>

#include "core/base/error.h"

namespace convoy {

Tensor Initializer::KaimingUniform(const Shape& shape, int64_t fan_in) {
  CONVOY_CHECK(fan_in > 0, "[Initializer] fan_in must be positive, got {}", fan_in);
  const double bound = 1.0 / std::sqrt(static_cast<double>(fan_in));
  Tensor tensor = Tensor::Empty(shape, options_);
  NextRandom().Uniform(tensor, -bound, bound);
  return tensor;
}

Tensor Initializer::Normal(const Shape& shape, double stddev) {
  Tensor tensor = Tensor::Empty(shape, options_);
  NextRandom().Normal(tensor, 0, stddev);
  return tensor;
}

Tensor Initializer::Constant(const Shape& shape, double value) {
  next_stream_++;  // a tensor's stream is its ordinal, whether it draws or not
  return Tensor::Full(shape, value, options_);
}

}  // namespace convoy
