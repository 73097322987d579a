// Softmax and log-softmax over the last dimension.
#include "ops/softmax.h"

#include "core/autograd.h"
#include "core/base/error.h"
#include "core/memory_label.h"
#include "ops/checks.h"
#include "ops/op.h"
#include "ops/softmax_kernels.h"

namespace convoy {
namespace {

const Op kSoftmax("Softmax");
const Op kLogSoftmax("LogSoftmax");

void CheckRows(const char* op, const Tensor& x) {
  CheckFloating(op, {"x", x});
  CONVOY_CHECK(x.ndim() >= 1, "[{}] wants at least one dimension, got a scalar", op);
}

}  // namespace

Tensor Softmax(const Tensor& x) {
  const OpScope scope(kSoftmax.name());
  CheckRows(kSoftmax.name(), x);
  const Tensor y = Tensor::Empty(x.shape(), x.options());
  softmax_forward(x.device(), x, y);
  return Record(kSoftmax.name(), y, {x}, [y = y.Detach()](BackwardPass& pass) {
    softmax_backward(y.device(), pass.grad(), y, pass.InPlace(0));
  });
}

Tensor LogSoftmax(const Tensor& x) {
  const OpScope scope(kLogSoftmax.name());
  CheckRows(kLogSoftmax.name(), x);
  const Tensor y = Tensor::Empty(x.shape(), x.options());
  log_softmax_forward(x.device(), x, y);
  return Record(kLogSoftmax.name(), y, {x}, [y = y.Detach()](BackwardPass& pass) {
    log_softmax_backward(y.device(), pass.grad(), y, pass.InPlace(0));
  });
}

}  // namespace convoy
