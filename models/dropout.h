// Dropout as a layer: knows whether it is training, and draws new numbers in every call.
#pragma once

#include "core/base/error.h"
#include "models/module.h"
#include "ops/dropout.h"

namespace convoy {

/// Dropout with probability `p` while training; the identity in evaluation (Module::Train). The
/// numbers follow from Module::Reseed and the count of calls since.
class DropoutLayer : public Module {
 public:
  /// Throws: Error unless 0 <= p < 1.
  explicit DropoutLayer(double p) : p_(p) {
    CONVOY_CHECK(p >= 0 && p < 1, "[DropoutLayer] p must lie in [0, 1), got {}", p);
  }

  /// Shape: any -> the same.
  Tensor operator()(const Tensor& x) {
    return training() && p_ > 0 ? Dropout(x, p_, NextStream()) : x;
  }

 private:
  double p_;
};

}  // namespace convoy
