// Losses.
#include "ops/loss.h"

#include "core/autograd.h"
#include "core/base/error.h"
#include "core/memory_label.h"
#include "ops/checks.h"
#include "ops/loss_kernels.h"
#include "ops/op.h"

namespace convoy {
namespace {

const Op kCrossEntropy("CrossEntropy");

}  // namespace

Tensor CrossEntropy(const Tensor& logits, const Tensor& labels, CrossEntropyOptions options) {
  const OpScope scope(kCrossEntropy.name());
  CheckFloating(kCrossEntropy.name(), {"logits", logits});
  CONVOY_CHECK(logits.ndim() == 2, "[CrossEntropy] logits want the shape (N, C), got {}",
               logits.shape().ToString());
  CheckDType(kCrossEntropy.name(), {"labels", labels}, DType::kI32);
  CheckShape(kCrossEntropy.name(), {"labels", labels}, {logits.dim(0)});
  CONVOY_CHECK(labels.device() == logits.device(),
               "[CrossEntropy] devices differ: logits on {}, labels on {}; use To",
               logits.device().ToString(), labels.device().ToString());
  const DType dtype = logits.dtype() == DType::kF64 ? DType::kF64 : DType::kF32;
  const TensorOptions kept{dtype, logits.device()};
  const Tensor loss = Tensor::Empty({}, kept);
  const Tensor softmax = Tensor::Empty({logits.dim(0), 2}, kept);
  const Tensor weight = Tensor::Empty({}, kept);
  const std::optional<int32_t> ignore = options.ignore_index;
  cross_entropy_forward(logits.device(), logits, labels, ignore, loss, softmax, weight);
  return Record(kCrossEntropy.name(), loss, {logits},
                [logits, labels, ignore, softmax, weight](BackwardPass& pass) {
                  cross_entropy_backward(logits.device(), pass.grad(), logits, labels, ignore,
                                         softmax, weight, pass.TargetOver(0, logits));
                });
}

}  // namespace convoy
