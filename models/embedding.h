// A table of learned vectors.
#pragma once

#include <cstdint>

#include "models/init.h"
#include "models/module.h"
#include "ops/embedding.h"

namespace convoy {

struct EmbeddingOptions {
  int64_t rows = 0;  ///< what indices may be: 0 .. rows-1
  int64_t channels = 0;
  double stddev = 1;  ///< of the normal distribution that initial values are drawn from
};

/// Rows of a learned table by index. Parameter: weight (rows, channels).
class EmbeddingLayer : public Module {
 public:
  EmbeddingLayer(const EmbeddingOptions& options, Initializer& init) {
    weight_ = AddParameter("weight", init.Normal({options.rows, options.channels}, options.stddev));
  }

  /// Shape: indices (...) i32 -> (..., channels).
  Tensor operator()(const Tensor& indices) const { return Embedding(weight_, indices); }

  const Tensor& weight() const { return weight_; }

 private:
  Tensor weight_;  // (rows, channels)
};

}  // namespace convoy
