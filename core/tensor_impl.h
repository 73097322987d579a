// What stands behind a Tensor handle; for the core and the autograd engine only.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "core/tensor.h"

namespace convoy::internal {

/// What is to be done with what a leaf's gradient slot holds.
enum class GradState : uint8_t {
  kNone,      ///< nothing: the next contribution overwrites
  kFresh,     ///< a gradient: the next Backward adds to it
  kConsumed,  ///< a gradient that an optimizer has used: readable, but the next one overwrites
};

struct TensorImpl {
  std::shared_ptr<Storage> storage;
  size_t offset_bytes = 0;
  Shape shape;
  DType dtype = DType::kF32;

  std::shared_ptr<Node> node;  // what computed it; null for a leaf

  // Leaves only.
  bool requires_grad = false;
  GradState grad_state = GradState::kNone;
  Tensor grad;
  std::function<void()> before_grad_use;

  // Of the Backward under way.
  uint64_t pass = 0;
  int pending = 0;  // contributions still to come
};

}  // namespace convoy::internal
