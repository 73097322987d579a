// Conversion between element types.
#include "ops/cast.h"

#include "core/autograd.h"
#include "core/base/error.h"
#include "core/memory_label.h"
#include "ops/cast_kernels.h"
#include "ops/op.h"

namespace convoy {
namespace {

const Op kCast("Cast");

}  // namespace

Tensor Cast(const Tensor& x, DType dtype) {
  const OpScope scope(kCast.name());
  CONVOY_CHECK(x.defined(), "[Cast] x is an undefined tensor");
  if (x.dtype() == dtype) return x;
  const Tensor y = Tensor::Empty(x.shape(), {dtype, x.device()});
  cast_forward(x.device(), x, y);
  if (!IsFloating(dtype)) return y;
  return Record(kCast.name(), y, {x}, [](BackwardPass& pass) {
    pass.Write(0, [&](const Tensor& dx) { cast_forward(dx.device(), pass.grad(), dx); });
  });
}

}  // namespace convoy
