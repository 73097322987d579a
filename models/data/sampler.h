// Which samples of a data set the batches of a range take.
#pragma once

#include <cstdint>
#include <vector>

namespace convoy {

/// Chooses the samples of every global batch. The choice must not depend on the worker, so that all
/// workers deal the same batches.
class Sampler {
 public:
  virtual ~Sampler() = default;

  /// Global batches in the range.
  virtual int64_t size() const = 0;

  /// The samples of global batch `index`, from 0 to size() - 1, in their order; at least one. A
  /// loader thread calls it while the worker computes.
  virtual std::vector<int64_t> Samples(int64_t index) const = 0;
};

}  // namespace convoy
