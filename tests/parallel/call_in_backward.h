// An op that does something in the middle of a backward.
#pragma once

#include <functional>

#include "core/autograd.h"
#include "core/tensor.h"

namespace convoy {

/// `x` itself, whose backward calls `body` first.
inline Tensor CallInBackward(const Tensor& x, const std::function<void()>& body) {
  return Record("CallInBackward", x.Clone(), {x}, [body](BackwardPass& pass) {
    body();
    pass.Pass(0, pass.grad());
  });
}

}  // namespace convoy
