// Multi-head scaled-dot-product attention.
#include "ops/attention.h"

#include <cmath>

#include "core/autograd.h"
#include "core/base/error.h"
#include "core/memory_label.h"
#include "ops/attention_kernels.h"
#include "ops/checks.h"
#include "ops/op.h"

namespace convoy {
namespace {

const Op kAttention("Attention");

double Scale(const AttentionOptions& options, int64_t dim) {
  CONVOY_CHECK(std::isfinite(options.scale), "[{}] scale must be finite, got {}", kAttention.name(),
               options.scale);
  if (options.scale != 0) return options.scale;
  return dim > 0 ? 1 / std::sqrt(static_cast<double>(dim)) : 1;
}

/// Part `part` of 3 of a packed qkv (B, T, 3, H, D).
AttentionRows Part(const GradTarget& qkv, int part) {
  const int64_t width = qkv.tensor.dim(3) * qkv.tensor.dim(4);
  return {qkv.tensor, part * width, 3 * width, qkv.tensor.dim(1), qkv.accumulate};
}

AttentionInputs Parts(const GradTarget& qkv) { return {Part(qkv, 0), Part(qkv, 1), Part(qkv, 2)}; }

/// All of x (B, T, H, D).
AttentionRows Rows(const GradTarget& x) {
  return {x.tensor, 0, x.tensor.dim(2) * x.tensor.dim(3), x.tensor.dim(1), x.accumulate};
}

struct Forward {
  Tensor out;      // (B, Tq, H, D)
  Tensor softmax;  // (2, B, H, Tq), if a gradient is wanted
};

Forward Run(const AttentionProblem& p, const AttentionInputs& inputs, bool keep_softmax) {
  const TensorOptions options = inputs.q.tensor.options();
  Forward result;
  result.out = Tensor::Empty({p.batch, p.queries, p.heads, p.dim}, options);
  if (keep_softmax) {
    const DType dtype = options.dtype == DType::kF64 ? DType::kF64 : DType::kF32;
    result.softmax = Tensor::Empty({2, p.batch, p.heads, p.queries}, {dtype, options.device});
  }
  attention_forward(options.device, p, inputs, result.out, result.softmax);
  return result;
}

}  // namespace

Tensor Attention(const Tensor& qkv, AttentionOptions options) {
  const OpScope scope(kAttention.name());
  CheckFloating(kAttention.name(), {"qkv", qkv});
  CONVOY_CHECK(qkv.ndim() == 5 && qkv.dim(2) == 3,
               "[{}] qkv has the wrong shape: expected (B, T, 3, H, D), got {}", kAttention.name(),
               qkv.shape().ToString());
  const AttentionProblem problem{.batch = qkv.dim(0),
                                 .heads = qkv.dim(3),
                                 .queries = qkv.dim(1),
                                 .keys = qkv.dim(1),
                                 .dim = qkv.dim(4),
                                 .scale = Scale(options, qkv.dim(4)),
                                 .causal = options.causal};
  const auto [out, softmax] = Run(problem, Parts({qkv}), NeedsGrad({qkv}));
  return Record(kAttention.name(), out, {qkv},
                [problem, qkv, out = out.Detach(), softmax = softmax](BackwardPass& pass) {
                  attention_backward(out.device(), problem, Parts({qkv}), out, softmax, pass.grad(),
                                     Parts(pass.Target(0)));
                });
}

Tensor Attention(const Tensor& q, const Tensor& k, const Tensor& v, AttentionOptions options) {
  const OpScope scope(kAttention.name());
  CheckFloating(kAttention.name(), {"q", q});
  CheckFloating(kAttention.name(), {"k", k});
  CheckFloating(kAttention.name(), {"v", v});
  CheckSameKind(kAttention.name(), {{"q", q}, {"k", k}, {"v", v}});
  CONVOY_CHECK(q.ndim() == 4, "[{}] q has the wrong shape: expected (B, Tq, H, D), got {}",
               kAttention.name(), q.shape().ToString());
  CONVOY_CHECK(k.ndim() == 4 && k.shape() == q.shape().With(1, k.dim(1)),
               "[{}] k has the wrong shape: expected ({}, Tk, {}, {}), got {}", kAttention.name(),
               q.dim(0), q.dim(2), q.dim(3), k.shape().ToString());
  CheckShape(kAttention.name(), {"v", v}, k.shape());
  CONVOY_CHECK(!options.causal || q.dim(1) == k.dim(1),
               "[{}] causal wants as many queries as keys, got {} and {}", kAttention.name(),
               q.dim(1), k.dim(1));
  const AttentionProblem problem{.batch = q.dim(0),
                                 .heads = q.dim(2),
                                 .queries = q.dim(1),
                                 .keys = k.dim(1),
                                 .dim = q.dim(3),
                                 .scale = Scale(options, q.dim(3)),
                                 .causal = options.causal};
  const auto [out, softmax] = Run(problem, {Rows({q}), Rows({k}), Rows({v})}, NeedsGrad({q, k, v}));
  return Record(kAttention.name(), out, {q, k, v},
                [problem, q, k, v, out = out.Detach(), softmax = softmax](BackwardPass& pass) {
                  // Of a tensor that is used twice, no two targets may be held at once.
                  const bool shared = q.Is(k) || q.Is(v) || k.Is(v);
                  Tensor apart[3];
                  const auto target = [&](int i, const Tensor& x) -> AttentionRows {
                    if (!pass.Needs(i)) return {};
                    if (!shared) return Rows(pass.Target(i));
                    apart[i] = Tensor::Empty(x.shape(), x.options());
                    return Rows({apart[i]});
                  };
                  const AttentionInputs grads{target(0, q), target(1, k), target(2, v)};
                  attention_backward(out.device(), problem, {Rows({q}), Rows({k}), Rows({v})}, out,
                                     softmax, pass.grad(), grads);
                  for (int i = 0; i < 3; ++i) {
                    if (apart[i].defined()) pass.Pass(i, apart[i]);
                  }
                });
}

}  // namespace convoy
