// Rows of a table by index.
#include "ops/embedding.h"

#include <vector>

#include "core/autograd.h"
#include "core/base/error.h"
#include "core/memory_label.h"
#include "ops/checks.h"
#include "ops/embedding_kernels.h"
#include "ops/op.h"

namespace convoy {
namespace {

const Op kEmbedding("Embedding");

}  // namespace

Tensor Embedding(const Tensor& table, const Tensor& indices) {
  const OpScope scope(kEmbedding.name());
  CheckFloating(kEmbedding.name(), {"table", table});
  CONVOY_CHECK(table.ndim() == 2, "[Embedding] table wants the shape (V, C), got {}",
               table.shape().ToString());
  CheckDType(kEmbedding.name(), {"indices", indices}, DType::kI32);
  CONVOY_CHECK(table.device() == indices.device(),
               "[Embedding] devices differ: table on {}, indices on {}; use To",
               table.device().ToString(), indices.device().ToString());
  std::vector<int64_t> dims = indices.shape().ToVector();
  dims.push_back(table.dim(1));
  const Tensor y = Tensor::Empty(Shape(dims), table.options());
  embedding_forward(table.device(), table, indices, y);
  return Record(kEmbedding.name(), y, {table}, [indices](BackwardPass& pass) {
    embedding_backward(indices.device(), pass.grad(), indices, pass.Target(0));
  });
}

}  // namespace convoy
