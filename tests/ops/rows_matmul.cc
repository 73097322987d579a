// Rows of the op table: MatMul.
#include "ops/matmul.h"
#include "tests/ops/op_table.h"

namespace convoy {
namespace {

Sample Product(const std::string& name, const Shape& lhs, const Shape& rhs) {
  return {name, {Float(lhs), Float(rhs)}};
}

Sample Transposed(const std::string& name, const Shape& lhs, const Shape& rhs, bool transpose_lhs,
                  bool transpose_rhs) {
  return {.name = name,
          .inputs = {Float(lhs), Float(rhs)},
          .run =
              [=](Inputs in) {
                return MatMul(in[0], in[1],
                              {.transpose_lhs = transpose_lhs, .transpose_rhs = transpose_rhs});
              },
          .torch = std::string("torch.matmul(a") + (transpose_lhs ? ".transpose(-1, -2)" : "") +
                   ", b" + (transpose_rhs ? ".transpose(-1, -2)" : "") + ")"};
}

const OpRow kMatMulRow{{
    .op = "MatMul",
    .run = [](Inputs in) { return MatMul(in[0], in[1]); },
    .torch = "torch.matmul(a, b)",
    .samples =
        {
            Product("matrices", {3, 4}, {4, 5}),
            Product("one element", {1, 1}, {1, 1}),
            Product("odd sizes", {17, 33}, {33, 19}),
            Product("row by column", {1, 9}, {9, 1}),
            Product("column by row", {7, 1}, {1, 6}),
            Product("no rows", {0, 4}, {4, 3}),
            Product("no inner dimension", {3, 0}, {0, 2}),
            Product("batches", {2, 3, 4, 5}, {2, 3, 5, 6}),
            Product("no batches", {0, 4, 5}, {0, 5, 6}),
            Product("batch by matrix", {3, 4, 5}, {5, 6}),
            Product("matrix by batch", {4, 5}, {3, 5, 6}),
            Transposed("lhs transposed", {4, 3}, {4, 5}, true, false),
            Transposed("rhs transposed", {3, 4}, {5, 4}, false, true),
            Transposed("both transposed", {4, 3}, {5, 4}, true, true),
            Transposed("batches, lhs transposed", {3, 5, 4}, {3, 5, 6}, true, false),
            Transposed("batches, both transposed", {3, 5, 4}, {3, 6, 5}, true, true),
            Transposed("batch by matrix, lhs transposed", {3, 5, 4}, {5, 6}, true, false),
            Transposed("matrix by batch, rhs transposed", {4, 5}, {3, 6, 5}, false, true),
            {.name = "large", .inputs = {Float({130, 257}), Float({257, 190})}, .large = true},
            {.name = "large, few rows",
             .inputs = {Float({3, 400}), Float({400, 900})},
             .large = true},
        },
    .errors =
        {
            {[] {
               MatMul(Zeros({32, 784}), Zeros({512, 10}));
             },
             "[MatMul] inner dimensions differ: lhs (32, 784), rhs (512, 10)"},
            {[] {
               MatMul(Zeros({32, 784}), Zeros({784, 10}), {.transpose_rhs = true});
             },
             "[MatMul] inner dimensions differ: lhs (32, 784), rhs (784, 10) transposed"},
            {[] {
               MatMul(Zeros({4}), Zeros({4, 2}));
             },
             "[MatMul] wants at least two dimensions on each side: lhs (4), rhs (4, 2)"},
            {[] {
               MatMul(Zeros({2, 3, 4}), Zeros({3, 4, 5}));
             },
             "[MatMul] leading dimensions differ: lhs (2, 3, 4), rhs (3, 4, 5); they must be the "
             "same, or one side a single matrix"},
            {[] {
               MatMul(Zeros({2, 3}), Zeros({3, 4}, DType::kF64));
             },
             "[MatMul] dtypes differ: lhs f32, rhs f64; use Cast"},
            {[] {
               MatMul(Zeros({2, 3}, DType::kI32), Zeros({3, 4}, DType::kI32));
             },
             "[MatMul] lhs wants a floating dtype (f32, f64, bf16, f16), got i32"},
            {[] {
               MatMul(Zeros({2, 3}), ZerosElsewhere({3, 4}));
             },
             "[MatMul] devices differ: lhs on cpu:0, rhs on cpu:1; use To"},
        },
    // The library behind it blocks a slice as its size suggests, and threads decide on the slices.
    .same_bits_for_any_threads = false,
    .tolerances = {{DType::kF32, 2e-5}},
}};

}  // namespace
}  // namespace convoy
