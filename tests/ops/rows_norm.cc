// Rows of the op table: LayerNorm, AddLayerNorm and RmsNorm.
#include "ops/binary.h"
#include "ops/norm.h"
#include "tests/ops/op_table.h"

namespace convoy {
namespace {

const OpRow kLayerNormRow{{
    .op = "LayerNorm",
    .run = [](Inputs in) { return LayerNorm(in[0], in[1], in[2]); },
    .torch = "F.layer_norm(a, a.shape[-1:], b, c)",
    .samples =
        {
            {"matrix", {Float({3, 5}), Float({5}), Float({5})}},
            {"vector", {Float({37}), Float({37}), Float({37})}},
            {"one element", {Float({1}), Float({1}), Float({1})}},
            {"rows beyond a tile", {Float({2, 3, 1, 17}), Float({17}), Float({17})}},
            {"no rows", {Float({0, 5}), Float({5}), Float({5})}},
            {"no columns", {Float({3, 0}), Float({0}), Float({0})}},
            {.name = "without bias",
             .inputs = {Float({6, 33}), Float({33})},
             .run = [](Inputs in) { return LayerNorm(in[0], in[1]); },
             .torch = "F.layer_norm(a, a.shape[-1:], b)"},
            {.name = "eps",
             .inputs = {Float({4, 7}), Float({7}), Float({7})},
             .run = [](Inputs in) { return LayerNorm(in[0], in[1], in[2], 0.25); },
             .torch = "F.layer_norm(a, a.shape[-1:], b, c, eps=0.25)"},
            {.name = "weight is bias too",
             .inputs = {Float({4, 7}), Float({7})},
             .run = [](Inputs in) { return LayerNorm(in[0], in[1], in[1]); },
             .torch = "F.layer_norm(a, a.shape[-1:], b, b)"},
            {.name = "far from zero",
             .inputs = {Float({4, 19}, 14, 18), Float({19}), Float({19})},
             .run = {},
             .torch = {}},
            {.name = "many rows",
             .inputs = {Float({701, 131}), Float({131}), Float({131})},
             .large = true},
        },
    .errors = {{[] { LayerNorm(Zeros({}), Zeros({1})); },
                "[LayerNorm] wants at least one dimension, got a scalar"},
               {[] {
                  LayerNorm(Zeros({2, 3}), Zeros({2}));
                },
                "[LayerNorm] weight has the wrong shape: expected (3), got (2)"},
               {[] {
                  LayerNorm(Zeros({2, 3}), Zeros({3}), Zeros({3, 1}));
                },
                "[LayerNorm] bias has the wrong shape: expected (3), got (3, 1)"},
               {[] {
                  LayerNorm(Zeros({2, 3}), {});
                },
                "[LayerNorm] weight is an undefined tensor"},
               {[] { LayerNorm(Zeros({3}), Zeros({3}, DType::kBF16)); },
                "[LayerNorm] dtypes differ: x f32, weight bf16; use Cast"},
               {[] { LayerNorm(Zeros({3}, DType::kI32), Zeros({3})); },
                "[LayerNorm] x wants a floating dtype (f32, f64, bf16, f16), got i32"}},
}};

// Both results in one.
Tensor SumPlusNorm(const SumAndNorm& both) { return Add(both.sum, both.normalized); }

const OpRow kAddLayerNormRow{{
    .op = "AddLayerNorm",
    .run = [](Inputs in) { return SumPlusNorm(AddLayerNorm(in[0], in[1], in[2], in[3])); },
    .torch = "a + b + F.layer_norm(a + b, a.shape[-1:], c, d)",
    .samples =
        {
            {"matrix", {Float({3, 5}), Float({3, 5}), Float({5}), Float({5})}},
            {"vector", {Float({37}), Float({37}), Float({37}), Float({37})}},
            {"packs", {Float({5, 32}), Float({5, 32}), Float({32}), Float({32})}},
            {"rows beyond a tile",
             {Float({2, 3, 1, 17}), Float({2, 3, 1, 17}), Float({17}), Float({17})}},
            {"no rows", {Float({0, 5}), Float({0, 5}), Float({5}), Float({5})}},
            {"no columns", {Float({3, 0}), Float({3, 0}), Float({0}), Float({0})}},
            {.name = "only the norm is used",
             .inputs = {Float({4, 7}), Float({4, 7}), Float({7}), Float({7})},
             .run = [](Inputs in) { return AddLayerNorm(in[0], in[1], in[2], in[3]).normalized; },
             .torch = "F.layer_norm(a + b, a.shape[-1:], c, d)"},
            {.name = "only the sum is used",
             .inputs = {Float({4, 7}), Float({4, 7})},
             .run =
                 [](Inputs in) {
                   return AddLayerNorm(in[0], in[1], Tensor::Full({7}, 1, in[0].options())).sum;
                 },
             .torch = "a + b"},
            {.name = "without bias, eps",
             .inputs = {Float({6, 33}), Float({6, 33}), Float({33})},
             .run =
                 [](Inputs in) { return SumPlusNorm(AddLayerNorm(in[0], in[1], in[2], {}, 0.25)); },
             .torch = "a + b + F.layer_norm(a + b, a.shape[-1:], c, eps=0.25)"},
            {.name = "x is the residual too",
             .inputs = {Float({4, 7}), Float({7}), Float({7})},
             .run = [](Inputs in) { return SumPlusNorm(AddLayerNorm(in[0], in[0], in[1], in[2])); },
             .torch = "a + a + F.layer_norm(a + a, a.shape[-1:], b, c)"},
            {.name = "many rows",
             .inputs = {Float({701, 131}), Float({701, 131}), Float({131}), Float({131})},
             .large = true},
        },
    .errors = {{[] {
                  AddLayerNorm(Zeros({2, 3}), Zeros({3}), Zeros({3}));
                },
                "[AddLayerNorm] residual has the wrong shape: expected (2, 3), got (3)"},
               {[] { AddLayerNorm(Zeros({3}), Zeros({3}, {DType::kBF16}), Zeros({3})); },
                "[AddLayerNorm] dtypes differ: x f32, residual bf16; use Cast"},
               {[] { AddLayerNorm(Zeros({3}), {}, Zeros({3})); },
                "[AddLayerNorm] residual is an undefined tensor"},
               {[] {
                  AddLayerNorm(Zeros({2, 3}), Zeros({2, 3}), Zeros({2}));
                },
                "[AddLayerNorm] weight has the wrong shape: expected (3), got (2)"}},
}};

const OpRow kRmsNormRow{{
    .op = "RmsNorm",
    .run = [](Inputs in) { return RmsNorm(in[0], in[1]); },
    .torch = "a * torch.rsqrt(a.pow(2).mean(-1, keepdim=True) + 1e-5) * b",
    .samples =
        {
            {"matrix", {Float({3, 5}), Float({5})}},
            {"vector", {Float({37}), Float({37})}},
            {"one element", {Float({1}), Float({1})}},
            {"rows beyond a tile", {Float({2, 3, 1, 17}), Float({17})}},
            {"no rows", {Float({0, 5}), Float({5})}},
            {"no columns", {Float({3, 0}), Float({0})}},
            {.name = "eps",
             .inputs = {Float({4, 7}), Float({7})},
             .run = [](Inputs in) { return RmsNorm(in[0], in[1], 0.25); },
             .torch = "a * torch.rsqrt(a.pow(2).mean(-1, keepdim=True) + 0.25) * b"},
            {.name = "many rows", .inputs = {Float({701, 131}), Float({131})}, .large = true},
        },
    .errors = {{[] { RmsNorm(Zeros({}), Zeros({1})); },
                "[RmsNorm] wants at least one dimension, got a scalar"},
               {[] {
                  RmsNorm(Zeros({2, 3}), Zeros({2}));
                },
                "[RmsNorm] weight has the wrong shape: expected (3), got (2)"}},
}};

}  // namespace
}  // namespace convoy
