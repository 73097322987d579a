// Rows of the op table: Reshape, Transpose, Permute, Slice, Concat, Split.
#include "ops/shape_ops.h"
#include "tests/ops/op_table.h"

namespace convoy {
namespace {

const std::vector<DType> kEveryDType = {DType::kF64, DType::kF32, DType::kBF16, DType::kF16,
                                        DType::kI32, DType::kI64, DType::kU8,   DType::kBool};

RunFunction ReshapeTo(std::vector<int64_t> shape) {
  return [shape](Inputs in) { return Reshape(in[0], shape); };
}

const OpRow kReshapeRow{{
    .op = "Reshape",
    .run = ReshapeTo({4, -1}),
    .torch = "a.reshape(4, -1)",
    .samples =
        {
            {"worked out", {Float({2, 6})}},
            {"given", {Float({2, 6})}, ReshapeTo({3, 2, 2}), "a.reshape(3, 2, 2)"},
            {"to a scalar", {Float({1, 1})}, ReshapeTo({}), "a.reshape(())"},
            {"from a scalar", {Float({})}, ReshapeTo({-1}), "a.reshape(-1)"},
            {"no elements", {Float({0, 3})}, ReshapeTo({5, 0}), "a.reshape(5, 0)"},
            {"no elements, worked out", {Float({0, 3})}},
            {.name = "many", .inputs = {Float({300, 260})}, .large = true},
        },
    .errors = {{[] {
                  Reshape(Zeros({2, 6}), {5, -1});
                },
                "[Reshape] cannot work out the -1 of (5, -1) for 12 elements of shape (2, 6)"},
               {[] {
                  Reshape(Zeros({2, 6}), {-1, -1});
                },
                "[Reshape] cannot work out the -1 of (-1, -1) for 12 elements of shape (2, 6)"},
               {[] {
                  Reshape(Zeros({0}), {0, -1});
                },
                "[Reshape] cannot work out the -1 of (0, -1) for 0 elements of shape (0)"},
               {[] {
                  Reshape(Zeros({2, 6}), {3, 5});
                },
                "[Reshape] (2, 6) has 12 elements, (3, 5) wants 15"},
               {[] { Reshape({}, {1}); }, "[Reshape] x is an undefined tensor"}},
    .dtypes = kEveryDType,
}};

const OpRow kTransposeRow{{
    .op = "Transpose",
    .run = [](Inputs in) { return Transpose(in[0]); },
    .torch = "a.transpose(-2, -1)",
    .samples =
        {
            {"matrix", {Float({3, 5})}},
            {"beyond a tile", {Float({37, 13})}},
            {"matrices", {Float({2, 3, 9, 4})}},
            {"a row", {Float({1, 7})}},
            {"one element", {Float({1, 1})}},
            {"no elements", {Float({3, 0})}},
            {"outer dimensions",
             {Float({3, 4, 5})},
             [](Inputs in) { return Transpose(in[0], 0, 1); },
             "a.transpose(0, 1)"},
            {"ends",
             {Float({3, 4, 5})},
             [](Inputs in) { return Transpose(in[0], -1, 0); },
             "a.transpose(-1, 0)"},
            {"nothing to swap",
             {Float({5})},
             [](Inputs in) { return Transpose(in[0], 0, -1); },
             "a.transpose(0, -1)"},
            {.name = "many", .inputs = {Float({3, 301, 259})}, .large = true},
        },
    .errors = {{[] {
                  Transpose(Zeros({2, 3}), 0, 2);
                },
                "[Shape] dimension 2 does not exist in (2, 3)"},
               {[] { Transpose(Zeros({3})); }, "[Shape] dimension -2 does not exist in (3)"},
               {[] { Transpose({}); }, "[Transpose] x is an undefined tensor"}},
    .dtypes = kEveryDType,
}};

RunFunction PermuteTo(std::vector<int> axes) {
  return [axes](Inputs in) { return Permute(in[0], axes); };
}

const OpRow kPermuteRow{{
    .op = "Permute",
    .run = PermuteTo({2, 0, 1}),
    .torch = "a.permute(2, 0, 1)",
    .samples =
        {
            {"cycle", {Float({3, 4, 5})}},
            {"one element", {Float({1, 1, 1})}},
            {"no elements", {Float({3, 0, 2})}},
            {"as it is", {Float({3, 2})}, PermuteTo({0, 1}), "a.permute(0, 1)"},
            {"a scalar", {Float({})}, PermuteTo({}), "a.permute(())"},
            {"from the end", {Float({3, 2, 4})}, PermuteTo({-1, 0, 1}), "a.permute(-1, 0, 1)"},
            {"heads of queries, keys and values",
             {Float({2, 3, 3, 2, 5})},
             PermuteTo({2, 0, 3, 1, 4}),
             "a.permute(2, 0, 3, 1, 4)"},
            {"pairs stay together", {Float({3, 5, 2})}, PermuteTo({1, 0, 2}), "a.permute(1, 0, 2)"},
            {"six dimensions",
             {Float({2, 3, 1, 2, 3, 2})},
             PermuteTo({5, 2, 0, 4, 3, 1}),
             "a.permute(5, 2, 0, 4, 3, 1)"},
            {"runs move", {Float({17, 4, 9})}, PermuteTo({1, 0, 2}), "a.permute(1, 0, 2)"},
            {.name = "many", .inputs = {Float({5, 301, 67})}, .large = true},
        },
    .errors = {{[] {
                  Permute(Zeros({2, 3}), {0});
                },
                "[Permute] axes must name each dimension of (2, 3) once, got (0)"},
               {[] {
                  Permute(Zeros({2, 3}), {1, -1});
                },
                "[Permute] axes must name each dimension of (2, 3) once, got (1, -1)"},
               {[] {
                  Permute(Zeros({2, 3}), {0, 2});
                },
                "[Shape] dimension 2 does not exist in (2, 3)"},
               {[] { Permute({}, {}); }, "[Permute] x is an undefined tensor"}},
    .dtypes = kEveryDType,
}};

RunFunction SliceOf(int axis, int64_t begin, int64_t end) {
  return [=](Inputs in) { return Slice(in[0], axis, begin, end); };
}

const OpRow kSliceRow{{
    .op = "Slice",
    .run = SliceOf(0, 1, 3),
    .torch = "a[1:3]",
    .samples =
        {
            {"a view", {Float({4, 5})}},
            {"columns", {Float({4, 5})}, SliceOf(-1, 2, 5), "a[:, 2:5]"},
            {"a middle dimension", {Float({3, 4, 5})}, SliceOf(1, 1, 2), "a[:, 1:2]"},
            {"all", {Float({2, 3})}, SliceOf(1, 0, 3), "a[:, 0:3]"},
            {"one element", {Float({1})}, SliceOf(0, 0, 1), "a[0:1]"},
            {"nothing of something", {Float({3, 4})}, SliceOf(1, 2, 2), "a[:, 2:2]"},
            {"no elements", {Float({0, 4})}, SliceOf(1, 1, 3), "a[:, 1:3]"},
            {.name = "many",
             .inputs = {Float({301, 3, 131})},
             .run = SliceOf(1, 1, 3),
             .large = true},
            {.name = "many in a row",
             .inputs = {Float({90001})},
             .run = SliceOf(0, 77, 80002),
             .large = true},
        },
    .errors = {{[] {
                  Slice(Zeros({2, 3}), 1, 1, 4);
                },
                "[Slice] [1, 4) does not lie within dimension 1 of (2, 3)"},
               {[] {
                  Slice(Zeros({2, 3}), -2, -1, 1);
                },
                "[Slice] [-1, 1) does not lie within dimension 0 of (2, 3)"},
               {[] {
                  Slice(Zeros({2, 3}), 0, 2, 1);
                },
                "[Slice] [2, 1) does not lie within dimension 0 of (2, 3)"},
               {[] {
                  Slice(Zeros({2, 3}), 2, 0, 1);
                },
                "[Shape] dimension 2 does not exist in (2, 3)"},
               {[] { Slice({}, 0, 0, 0); }, "[Slice] x is an undefined tensor"}},
    .dtypes = kEveryDType,
}};

RunFunction ConcatAlong(int axis) {
  return [axis](Inputs in) { return Concat(in, axis); };
}

void RunConcat(const std::vector<Tensor>& tensors, int axis = 0) { Concat(tensors, axis); }

const OpRow kConcatRow{{
    .op = "Concat",
    .run = ConcatAlong(0),
    .torch = "torch.cat([a, b, c], 0)",
    .samples =
        {
            {"rows", {Float({2, 3}), Float({1, 3}), Float({4, 3})}},
            {"columns",
             {Float({3, 2}), Float({3, 1}), Float({3, 5})},
             ConcatAlong(-1),
             "torch.cat([a, b, c], -1)"},
            {"a middle dimension",
             {Float({2, 3, 4}), Float({2, 1, 4})},
             ConcatAlong(1),
             "torch.cat([a, b], 1)"},
            {"one element", {Float({1})}, ConcatAlong(0), "torch.cat([a], 0)"},
            {"some without elements", {Float({2, 3}), Float({0, 3}), Float({1, 3})}},
            {"no elements", {Float({2, 0}), Float({1, 0}), Float({0, 0})}},
            {"twice the same",
             {Float({2, 3}), Float({2, 2})},
             [](Inputs in) {
               return Concat(std::vector{in[0], in[1], in[0]}, 1);
             },
             "torch.cat([a, b, a], 1)"},
            {.name = "many",
             .inputs = {Float({301, 131}), Float({301, 67})},
             .run = ConcatAlong(1),
             .large = true},
        },
    .errors = {{[] { RunConcat({}); }, "[Concat] wants at least one tensor"},
               {[] {
                  RunConcat({Zeros({2, 3}), {}});
                },
                "[Concat] tensor 1 is an undefined tensor"},
               {[] {
                  RunConcat({Zeros({2, 3}), Zeros({2, 4})});
                },
                "[Concat] shapes differ beside dimension 0: tensor 0 (2, 3), tensor 1 (2, 4)"},
               {[] {
                  RunConcat({Zeros({2, 3}), Zeros({3})});
                },
                "[Concat] shapes differ beside dimension 0: tensor 0 (2, 3), tensor 1 (3)"},
               {[] {
                  RunConcat({Zeros({2}), Zeros({2}, DType::kF16)});
                },
                "[Concat] dtypes differ: tensor 0 f32, tensor 1 f16; use Cast"},
               {[] { RunConcat({Zeros({})}); }, "[Shape] dimension 0 does not exist in ()"}},
    .dtypes = kEveryDType,
}};

// Parts of the given sizes along `axis`, joined in reverse order.
RunFunction SplitReversed(std::vector<int64_t> sizes, int axis) {
  return [=](Inputs in) {
    const std::vector<Tensor> parts = Split(in[0], sizes, axis);
    return Concat(std::vector(parts.rbegin(), parts.rend()), axis);
  };
}

const OpRow kSplitRow{{
    .op = "Split",
    .run = SplitReversed({1, 3}, 0),
    .torch = "torch.cat(torch.split(a, [1, 3], 0)[::-1], 0)",
    .samples =
        {
            {"rows", {Float({4, 3})}},
            {"columns",
             {Float({3, 6})},
             SplitReversed({2, 0, 3, 1}, -1),
             "torch.cat(torch.split(a, [2, 0, 3, 1], -1)[::-1], -1)"},
            {"a part alone",
             {Float({3, 6})},
             [](Inputs in) {
               return Split(in[0], {2, 2, 2}, 1)[1];
             },
             "torch.split(a, 2, 1)[1]"},
            {"one element",
             {Float({1})},
             SplitReversed({1}, 0),
             "torch.cat(torch.split(a, [1], 0)[::-1], 0)"},
            {"no elements", {Float({4, 0})}},
            {.name = "many",
             .inputs = {Float({301, 131})},
             .run = SplitReversed({64, 67}, 1),
             .large = true},
        },
    .errors = {{[] {
                  Split(Zeros({2, 3}), {1, 1}, 1);
                },
                "[Split] sizes (1, 1) add up to 2, dimension 1 of (2, 3) is 3"},
               {[] {
                  Split(Zeros({2, 3}), {-1, 3});
                },
                "[Split] negative size -1"},
               {[] { Split({}, {1}); }, "[Split] x is an undefined tensor"}},
    .dtypes = kEveryDType,
}};

}  // namespace
}  // namespace convoy
