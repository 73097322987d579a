// Cases at the edges of dtypes: ops that only move values, against themselves in f64.
#include "ops/embedding.h"
#include "ops/shape_ops.h"
#include "tests/ops/extremes.h"

namespace convoy {
namespace {

std::vector<Shape> Vector(int64_t n) { return {Shape{n}}; }

ExtremeCase Move(const std::string& op, Tensor (*run)(const Tensor&)) {
  return {.op = op, .placement = Placement::kElements, .shapes = Vector, .run = [run](Inputs in) {
            return run(in[0]);
          }};
}

const ExtremeCases kMoves{
    Move("Reshape",
         [](const Tensor& x) {
           return Reshape(x, {1, -1});
         }),
    Move("Transpose",
         [](const Tensor& x) {
           return Transpose(Concat({{Reshape(x, {1, -1}), Reshape(x, {1, -1})}}));
         }),
    Move("Permute",
         [](const Tensor& x) {
           return Permute(Reshape(x, {1, -1, 1}), {1, 2, 0});
         }),
    Move("Slice", [](const Tensor& x) { return Slice(x, 0, x.numel() / 3, x.numel()); }),
    Move("Concat",
         [](const Tensor& x) {
           return Concat({{x, x}});
         }),
    Move("Split",
         [](const Tensor& x) {
           const int64_t n = x.numel();
           const std::vector<Tensor> parts = Split(x, {n / 2, n - n / 2});
           return Concat({{parts[1], parts[0]}});
         }),
};

const ExtremeCases kEmbedding{
    {.op = "Embedding",
     .placement = Placement::kSingle,
     .shapes =
         [](int64_t n) {
           return std::vector<Shape>{{3, n}};
         },
     .run =
         [](Inputs in) {
           const Tensor indices = Tensor::From<int32_t>({4}, {2, 0, 1, 1});
           return Embedding(in[0], indices.To(in[0].device()));
         }}};

}  // namespace
}  // namespace convoy
