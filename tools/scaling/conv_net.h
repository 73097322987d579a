// Writes down a convolutional network layer by layer.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "tools/scaling/architectures.h"

namespace convoy {

class ConvNet {
 public:
  /// A convolution of kernel `high` x `wide` with an output of `size` x `size`, without bias, and
  /// the batch norm behind it, whose parameters are named `norm`.
  void ConvNorm(const std::string& conv, const std::string& norm, int64_t in, int64_t out,
                int64_t high, int64_t wide, int64_t size) {
    const int64_t weights = in * out * high * wide;
    net_.layers.push_back({.parameters = {{conv + ".weight", weights},
                                          {norm + ".weight", out},
                                          {norm + ".bias", out}},
                           .flops = 2.0 * static_cast<double>(weights * size * size)});
  }
  /// A layer with a bias: a convolution with a square kernel, or with size 1 a dense one.
  void Biased(const std::string& name, int64_t in, int64_t out, int64_t kernel = 1,
              int64_t size = 1) {
    const int64_t weights = in * out * kernel * kernel;
    net_.layers.push_back({.parameters = {{name + ".weight", weights}, {name + ".bias", out}},
                           .flops = 2.0 * static_cast<double>(weights * size * size)});
  }
  Architecture Done() { return std::move(net_); }

 private:
  Architecture net_;
};

}  // namespace convoy
