// Matrix products.
#include "ops/matmul.h"

#include "core/autograd.h"
#include "core/base/error.h"
#include "core/memory_label.h"
#include "ops/checks.h"
#include "ops/gemm.h"
#include "ops/op.h"

namespace convoy {
namespace {

const Op kMatMul("MatMul");

// The problem that MatMul(lhs, rhs) poses, with matrices counted and broadcasting resolved.
struct Problem {
  Shape output;
  int64_t m = 0, n = 0, k = 0, batch = 1;
  bool repeat_lhs = false, repeat_rhs = false;
};

Problem Analyse(const Tensor& lhs, const Tensor& rhs, MatMulOptions options) {
  CheckFloating(kMatMul.name(), {"lhs", lhs});
  CheckSameKind(kMatMul.name(), {{"lhs", lhs}, {"rhs", rhs}});
  const Shape& a = lhs.shape();
  const Shape& b = rhs.shape();
  CONVOY_CHECK(a.ndim() >= 2 && b.ndim() >= 2,
               "[MatMul] wants at least two dimensions on each side: lhs {}, rhs {}", a.ToString(),
               b.ToString());
  Problem p;
  p.m = a[options.transpose_lhs ? -1 : -2];
  p.k = a[options.transpose_lhs ? -2 : -1];
  p.n = b[options.transpose_rhs ? -2 : -1];
  CONVOY_CHECK(p.k == b[options.transpose_rhs ? -1 : -2],
               "[MatMul] inner dimensions differ: lhs {}{}, rhs {}{}", a.ToString(),
               options.transpose_lhs ? " transposed" : "", b.ToString(),
               options.transpose_rhs ? " transposed" : "");
  const std::vector<int64_t> a_lead(a.begin(), a.end() - 2);
  const std::vector<int64_t> b_lead(b.begin(), b.end() - 2);
  CONVOY_CHECK(a_lead == b_lead || a_lead.empty() || b_lead.empty(),
               "[MatMul] leading dimensions differ: lhs {}, rhs {}; they must be the same, or one "
               "side a single matrix",
               a.ToString(), b.ToString());
  std::vector<int64_t> dims = a_lead.empty() ? b_lead : a_lead;
  p.batch = Shape(dims).numel();
  p.repeat_lhs = a_lead.empty() && !b_lead.empty();
  p.repeat_rhs = b_lead.empty() && !a_lead.empty();
  dims.push_back(p.m);
  dims.push_back(p.n);
  p.output = Shape(dims);
  return p;
}

// Runs a batch as one larger product where its layout allows.
void Product(GemmArguments args) {
  if (args.repeat_b && !args.transpose_a && !args.sum_batch) {  // one tall product
    args.m *= args.batch;
    args.batch = 1;
  }
  if (args.sum_batch && args.transpose_a && !args.transpose_b && !args.repeat_a && !args.repeat_b) {
    args.k *= args.batch;  // (batch * k, m)^T @ (batch * k, n) sums over the batch by itself
    args.batch = 1;
    args.sum_batch = false;
  }
  gemm(args.device, args);
}

void BackwardLhs(const Tensor& dy, const Tensor& rhs, const Problem& p, MatMulOptions options,
                 const GradTarget& dx) {
  GemmArguments args{.device = dy.device(), .dtype = dy.dtype(), .c = dx.tensor.raw_data()};
  args.accumulate = dx.accumulate;
  args.batch = p.batch;
  if (options.transpose_lhs) {  // (k, m) = op(rhs) (k, n) @ dy^T (n, m)
    args.m = p.k, args.n = p.m, args.k = p.n;
    args.a = rhs.raw_data(), args.transpose_a = options.transpose_rhs;
    args.repeat_a = p.repeat_rhs;
    args.b = dy.raw_data(), args.transpose_b = true;
  } else {  // (m, k) = dy (m, n) @ op(rhs)^T (n, k)
    args.m = p.m, args.n = p.k, args.k = p.n;
    args.a = dy.raw_data();
    args.b = rhs.raw_data(), args.transpose_b = !options.transpose_rhs;
    args.repeat_b = p.repeat_rhs;
  }
  args.sum_batch = p.repeat_lhs;
  Product(args);
}

void BackwardRhs(const Tensor& dy, const Tensor& lhs, const Problem& p, MatMulOptions options,
                 const GradTarget& dx) {
  GemmArguments args{.device = dy.device(), .dtype = dy.dtype(), .c = dx.tensor.raw_data()};
  args.accumulate = dx.accumulate;
  args.batch = p.batch;
  if (options.transpose_rhs) {  // (n, k) = dy^T (n, m) @ op(lhs) (m, k)
    args.m = p.n, args.n = p.k, args.k = p.m;
    args.a = dy.raw_data(), args.transpose_a = true;
    args.b = lhs.raw_data(), args.transpose_b = options.transpose_lhs;
    args.repeat_b = p.repeat_lhs;
  } else {  // (k, n) = op(lhs)^T (k, m) @ dy (m, n)
    args.m = p.k, args.n = p.n, args.k = p.m;
    args.a = lhs.raw_data(), args.transpose_a = !options.transpose_lhs;
    args.repeat_a = p.repeat_lhs;
    args.b = dy.raw_data();
  }
  args.sum_batch = p.repeat_rhs;
  Product(args);
}

}  // namespace

Tensor MatMul(const Tensor& lhs, const Tensor& rhs, MatMulOptions options) {
  const OpScope scope(kMatMul.name());
  const Problem p = Analyse(lhs, rhs, options);
  const Tensor y = Tensor::Empty(p.output, lhs.options());
  GemmArguments args{.device = y.device(), .dtype = y.dtype(), .m = p.m, .n = p.n, .k = p.k};
  args.a = lhs.raw_data(), args.transpose_a = options.transpose_lhs, args.repeat_a = p.repeat_lhs;
  args.b = rhs.raw_data(), args.transpose_b = options.transpose_rhs, args.repeat_b = p.repeat_rhs;
  args.c = y.raw_data();
  args.batch = p.batch;
  Product(args);
  return Record(kMatMul.name(), y, {lhs, rhs}, [lhs, rhs, p, options](BackwardPass& pass) {
    if (pass.Needs(0)) BackwardLhs(pass.grad(), rhs, p, options, pass.Target(0));
    if (pass.Needs(1)) BackwardRhs(pass.grad(), lhs, p, options, pass.Target(1));
  });
}

}  // namespace convoy
