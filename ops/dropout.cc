// Dropout.
#include "ops/dropout.h"

#include "core/autograd.h"
#include "core/base/error.h"
#include "core/memory_label.h"
#include "ops/checks.h"
#include "ops/dropout_kernels.h"
#include "ops/op.h"

namespace convoy {
namespace {

const Op kDropout("Dropout");

}  // namespace

Tensor Dropout(const Tensor& x, double p, RandomStream stream) {
  const OpScope scope(kDropout.name());
  CheckFloating(kDropout.name(), {"x", x});
  CONVOY_CHECK(p >= 0 && p < 1, "[Dropout] wants a probability p with 0 <= p < 1, got {}", p);
  if (p == 0) return x;
  const Tensor y = Tensor::Empty(x.shape(), x.options());
  dropout(x.device(), x, p, stream, {y, false});
  return Record(kDropout.name(), y, {x}, [p, stream](BackwardPass& pass) {
    dropout(pass.grad().device(), pass.grad(), p, stream, pass.InPlace(0));
  });
}

}  // namespace convoy
