// Rows of the op table: CrossEntropy.
#include "ops/loss.h"
#include "tests/ops/op_table.h"

namespace convoy {
namespace {

// Of labels that include -100, PyTorch's default.
Tensor Ignoring(Inputs in) { return CrossEntropy(in[0], in[1], {.ignore_index = -100}); }

InputSpec Labels(std::vector<double> values) {
  const Shape shape{static_cast<int64_t>(values.size())};
  return Fixed(DType::kI32, shape, std::move(values));
}

void RunOn(const Shape& logits, const std::vector<int32_t>& labels) {
  CrossEntropy(Zeros(logits), Indices(labels));
}

const OpRow kCrossEntropyRow{{
    .op = "CrossEntropy",
    .run = [](Inputs in) { return CrossEntropy(in[0], in[1]); },
    .torch = "F.cross_entropy(a, b.long())",
    .samples =
        {
            {"small", {Float({3, 5}), Index({3}, 5)}},
            {"characters", {Float({7, 65}), Index({7}, 65)}},
            {"one row", {Float({1, 37}), Index({1}, 37)}},
            {"one class", {Float({4, 1}), Index({4}, 1)}},
            {"far apart", {Float({4, 17}, -60, 60), Index({4}, 17)}},
            {"ignored rows", {Float({5, 19}), Labels({3, -100, 18, -100, 0})}, Ignoring},
            {.name = "an ignored class",
             .inputs = {Float({5, 6}), Labels({3, 2, 5, 2, 0})},
             .run = [](Inputs in) { return CrossEntropy(in[0], in[1], {.ignore_index = 2}); },
             .torch = "F.cross_entropy(a, b.long(), ignore_index=2)"},
            {.name = "no row counts",
             .inputs = {Float({2, 3}), Labels({-100, -100})},
             .run = Ignoring,
             .torch = "a.sum() * 0"},
            {.name = "no rows",
             .inputs = {Float({0, 3}), Labels({})},
             .run = {},
             .torch = "a.sum() * 0"},
            {.name = "no classes",
             .inputs = {Float({2, 0}), Labels({-100, -100})},
             .run = Ignoring,
             .torch = "a.sum() * 0"},
            {.name = "many rows", .inputs = {Float({301, 259}), Index({301}, 259)}, .large = true},
        },
    .errors =
        {{[] {
            RunOn({3, 5}, {4, 5, 0});
          },
          "[CrossEntropy] label 5 of row 1 lies outside [0, 5); rows to leave out want the label "
          "ignore_index",
          /*on_gpu=*/false},
         {[] {
            RunOn({1, 5}, {-1});
          },
          "[CrossEntropy] label -1 of row 0 lies outside [0, 5); rows to leave out want the label "
          "ignore_index",
          /*on_gpu=*/false},
         {[] {
            RunOn({3, 5}, {0, 0});
          },
          "[CrossEntropy] labels has the wrong shape: expected (3), got (2)"},
         {[] {
            RunOn({2, 2, 5}, {0, 0});
          },
          "[CrossEntropy] logits want the shape (N, C), got (2, 2, 5)"},
         {[] {
            CrossEntropy(Zeros({3, 5}), Zeros({3}, DType::kI64));
          },
          "[CrossEntropy] labels has the wrong dtype: expected i32, got i64"},
         {[] {
            CrossEntropy(Zeros({3, 5}, DType::kI32), Zeros({3}));
          },
          "[CrossEntropy] logits wants a floating dtype (f32, f64, bf16, f16), got i32"}},
}};

}  // namespace
}  // namespace convoy
