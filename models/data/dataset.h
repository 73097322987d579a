// What a data set is, and the share of a batch that a worker gets.
#pragma once

#include <concepts>
#include <cstdint>
#include <span>
#include <utility>

#include "core/tensor.h"

namespace convoy {

/// Which part of a data set that comes in two.
enum class Split : uint8_t { kTrain, kTest };

/// Samples that can be fetched by number. To write your own, provide
///
///     int64_t size() const;
///     std::pair<Tensor, Tensor> Get(std::span<const int64_t> indices, Device device) const;
///
/// Get makes the inputs and targets of these samples, in this order, on `device`, which is always a
/// CPU. It is called by a loader thread while the worker computes, hence: safe to call from several
/// threads, no ops, and elements written through Tensor::Empty(...).data<T>().
template <typename D>
concept Dataset = requires(const D& dataset, std::span<const int64_t> indices, Device device) {
  { dataset.size() } -> std::convertible_to<int64_t>;
  { dataset.Get(indices, device) } -> std::same_as<std::pair<Tensor, Tensor>>;
};

/// A half-open range of the samples of a global batch.
struct Share {
  int64_t begin = 0;
  int64_t end = 0;
  int64_t size() const { return end - begin; }
};

/// Worker `rank`'s part of `n` samples: contiguous, and of equal size up to one.
inline Share ShareOf(int64_t n, int rank, int world_size) {
  return {n * rank / world_size, n * (rank + 1) / world_size};
}

}  // namespace convoy
