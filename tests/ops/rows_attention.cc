// Rows of the op table: Attention.
#include "ops/attention.h"
#include "tests/ops/op_table.h"

namespace convoy {
namespace {

// Attention in PyTorch: of expressions for q, k and v, with `scale` a factor of the scores.
std::string Torch(const std::string& q, const std::string& k, const std::string& v, bool causal,
                  const std::string& scale) {
  const std::string steps = q + ".shape[1]";
  const std::string mask = " + torch.full((" + steps + ", " + steps + "), -torch.inf).triu(1)";
  const std::string scores = "torch.einsum('bqhd,bkhd->bhqk', " + q + ", " + k + ") * " + scale;
  return "torch.einsum('bhqk,bkhd->bqhd', torch.softmax(" + scores + (causal ? mask : "") +
         ", -1), " + v + ")";
}

std::string Packed(bool causal, const std::string& scale = "a.shape[-1] ** -0.5") {
  return Torch("a[:, :, 0]", "a[:, :, 1]", "a[:, :, 2]", causal, scale);
}

std::string Apart(bool causal) { return Torch("a", "b", "c", causal, "a.shape[-1] ** -0.5"); }

Sample Causal(const std::string& name, const Shape& shape) {
  return {.name = name,
          .inputs = {Float(shape)},
          .run = [](Inputs in) { return Attention(in[0], {.causal = true}); },
          .torch = Packed(true)};
}

Sample Separate(const std::string& name, const Shape& q, const Shape& kv, bool causal = false) {
  return {.name = name,
          .inputs = {Float(q), Float(kv), Float(kv)},
          .run = [causal](Inputs in) { return Attention(in[0], in[1], in[2], {.causal = causal}); },
          .torch = Apart(causal)};
}

const OpRow kAttentionRow{{
    .op = "Attention",
    .run = [](Inputs in) { return Attention(in[0]); },
    .torch = Packed(false),
    .samples =
        {
            {"packed", {Float({2, 5, 3, 2, 4})}},
            {"one element", {Float({1, 1, 3, 1, 1})}},
            {"no batch", {Float({0, 5, 3, 2, 4})}},
            // Nearly all weight on one key: the gradients are what rounding has left of them.
            {.name = "far apart",
             .inputs = {Float({1, 6, 3, 1, 3}, -12, 12)},
             .differentiable = false},
            Causal("causal", {2, 5, 3, 2, 7}),
            Causal("causal, several tiles", {1, 67, 3, 1, 2}),
            {.name = "scale",
             .inputs = {Float({1, 4, 3, 2, 3})},
             .run = [](Inputs in) { return Attention(in[0], {.scale = 0.25}); },
             .torch = Packed(false, "0.25")},
            Separate("apart", {2, 4, 2, 3}, {2, 4, 2, 3}),
            Separate("apart, causal", {1, 6, 2, 5}, {1, 6, 2, 5}, true),
            Separate("few queries, many keys", {1, 2, 1, 3}, {1, 70, 1, 3}),
            Separate("many queries, few keys", {1, 66, 1, 2}, {1, 3, 1, 2}),
            Separate("no queries", {2, 0, 2, 3}, {2, 4, 2, 3}),
            {.name = "large",
             .inputs = {Float({3, 150, 3, 2, 40})},
             .run = [](Inputs in) { return Attention(in[0], {.causal = true}); },
             .large = true},
            {.name = "large, one head",
             .inputs = {Float({1, 300, 1, 33}), Float({1, 280, 1, 33}), Float({1, 280, 1, 33})},
             .run = [](Inputs in) { return Attention(in[0], in[1], in[2]); },
             .large = true},
        },
    .errors =
        {
            {[] {
               Attention(Zeros({2, 3, 4, 5}));
             },
             "[Attention] qkv has the wrong shape: expected (B, T, 3, H, D), got (2, 3, 4, 5)"},
            {[] {
               Attention(Zeros({1, 1, 3, 1, 1}, DType::kI32));
             },
             "[Attention] qkv wants a floating dtype (f32, f64, bf16, f16), got i32"},
            {[] {
               Attention(Zeros({1, 2, 1, 4}), Zeros({1, 3, 1, 4}), Zeros({1, 3, 1, 4}),
                         {.causal = true});
             },
             "[Attention] causal wants as many queries as keys, got 2 and 3"},
            {[] {
               Attention(Zeros({1, 2, 1, 4}), Zeros({1, 2, 1, 5}), Zeros({1, 2, 1, 5}));
             },
             "[Attention] k has the wrong shape: expected (1, Tk, 1, 4), got (1, 2, 1, 5)"},
        },
}};

}  // namespace
}  // namespace convoy
