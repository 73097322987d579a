// Rows of the op table: Embedding and Dropout.
#include "ops/dropout.h"
#include "ops/embedding.h"
#include "tests/ops/op_table.h"

namespace convoy {
namespace {

const OpRow kEmbeddingRow{{
    .op = "Embedding",
    .run = [](Inputs in) { return Embedding(in[0], in[1]); },
    .torch = "F.embedding(b.long(), a)",
    .samples =
        {
            {"two dimensions", {Float({5, 3}), Index({2, 4}, 5)}},
            {"wide", {Float({4, 67}), Index({6}, 4)}},
            {"one row used by all", {Float({3, 5}), Fixed(DType::kI32, {4}, {1, 1, 1, 1})}},
            {"one element", {Float({1, 1}), Index({1}, 1)}},
            {"a scalar index", {Float({3, 5}), Fixed(DType::kI32, {}, {2})}},
            {"no indices", {Float({3, 5}), Index({0}, 3)}},
            {"no columns", {Float({3, 0}), Index({4}, 3)}},
            {"no table rows", {Float({0, 3}), Fixed(DType::kI32, {2, 0}, {})}},
            {.name = "many rows", .inputs = {Float({97, 131}), Index({1301}, 97)}, .large = true},
        },
    .errors = {{[] {
                  Embedding(Zeros({3, 5}), Indices({0, 3}));
                },
                "[Embedding] index 3 at position 1 lies outside [0, 3)",
                /*on_gpu=*/false},
               {[] {
                  Embedding(Zeros({3, 5}), Indices({-1}));
                },
                "[Embedding] index -1 at position 0 lies outside [0, 3)",
                /*on_gpu=*/false},
               {[] { Embedding(Zeros({3}), Indices({0})); },
                "[Embedding] table wants the shape (V, C), got (3)"},
               {[] {
                  Embedding(Zeros({3, 5}), Zeros({1}));
                },
                "[Embedding] indices has the wrong dtype: expected i32, got f32"}},
}};

const OpRow kDropoutRow{{
    .op = "Dropout",
    .run = [](Inputs in) { return Dropout(in[0], 0.25, {.seed = 7, .stream = 3}); },
    .torch = {},
    .samples =
        {
            {.name = "matrix", .inputs = {Float({3, 5})}, .no_reference_because = "random"},
            {.name = "beyond a draw", .inputs = {Float({301})}, .no_reference_because = "random"},
            {.name = "one element", .inputs = {Float({})}, .no_reference_because = "random"},
            {.name = "no elements", .inputs = {Float({0, 3})}, .no_reference_because = "random"},
            {.name = "many", .inputs = {Float({301, 259})}, .large = true},
        },
    .errors = {{[] { Dropout(Zeros({2}), 1, {}); },
                "[Dropout] wants a probability p with 0 <= p < 1, got 1"},
               {[] { Dropout(Zeros({2}), -0.5, {}); },
                "[Dropout] wants a probability p with 0 <= p < 1, got -0.5"},
               {[] { Dropout(Zeros({2}, DType::kI64), 0.5, {}); },
                "[Dropout] x wants a floating dtype (f32, f64, bf16, f16), got i64"}},
}};

}  // namespace
}  // namespace convoy
