// Rows of the op table: Linear.
#include "ops/linear.h"
#include "tests/ops/op_table.h"

namespace convoy {
namespace {

Sample Activated(const std::string& name, Activation activation, const std::string& torch) {
  return {.name = name,
          .inputs = {Float({3, 5}), Float({4, 5}, -1, 1), Float({4})},
          .run = [=](Inputs in) { return Linear(in[0], in[1], in[2], activation); },
          .torch = torch};
}

const OpRow kLinearRow{{
    .op = "Linear",
    .run = [](Inputs in) { return Linear(in[0], in[1], in[2]); },
    .torch = "F.linear(a, b, c)",
    .samples =
        {
            {"matrix", {Float({3, 5}), Float({4, 5}), Float({4})}},
            {"one element", {Float({1, 1}), Float({1, 1}), Float({1})}},
            {"vector", {Float({5}), Float({4, 5}), Float({4})}},
            {"three dimensions", {Float({2, 3, 5}), Float({4, 5}), Float({4})}},
            {"many rows", {Float({70, 3}), Float({19, 3}), Float({19})}},
            {"no rows", {Float({0, 5}), Float({4, 5}), Float({4})}},
            {"no inputs", {Float({3, 0}), Float({4, 0}), Float({4})}},
            {"no outputs", {Float({3, 5}), Float({0, 5}), Float({0})}},
            {.name = "no bias",
             .inputs = {Float({3, 5}), Float({4, 5})},
             .run = [](Inputs in) { return Linear(in[0], in[1]); },
             .torch = "F.linear(a, b)"},
            {.name = "no bias, GELU",
             .inputs = {Float({3, 5}), Float({4, 5}, -1, 1)},
             .run = [](Inputs in) { return Linear(in[0], in[1], {}, Activation::kGelu); },
             .torch = "F.gelu(F.linear(a, b))"},
            Activated("ReLU", Activation::kRelu, "F.relu(F.linear(a, b, c))"),
            Activated("GELU", Activation::kGelu, "F.gelu(F.linear(a, b, c))"),
            Activated("GELU by tanh", Activation::kGeluTanh,
                      "F.gelu(F.linear(a, b, c), approximate='tanh')"),
            {.name = "large",
             .inputs = {Float({130, 257}), Float({190, 257}, -0.1, 0.1), Float({190})},
             .run = [](Inputs in) { return Linear(in[0], in[1], in[2], Activation::kGeluTanh); },
             .large = true},
        },
    .errors =
        {
            {[] {
               Linear(Zeros({32, 784}), Zeros({784, 10}));
             },
             "[Linear] inner dimensions differ: x (32, 784), weight (784, 10)"},
            {[] {
               Linear(Zeros({32, 784}), Zeros({784}));
             },
             "[Linear] weight wants shape (outputs, inputs), got (784)"},
            {[] {
               Linear(Zeros({2, 3}), Zeros({4, 3}), Zeros({3}));
             },
             "[Linear] bias has the wrong shape: expected (4), got (3)"},
            {[] {
               Linear(Zeros({2, 3}), Zeros({4, 3}, DType::kF64));
             },
             "[Linear] dtypes differ: x f32, weight f64; use Cast"},
            {[] {
               Linear(Zeros({2, 3}, DType::kI64), Zeros({4, 3}));
             },
             "[Linear] x wants a floating dtype (f32, f64, bf16, f16), got i64"},
            {[] {
               Linear(Zeros({2, 3}), {});
             },
             "[Linear] weight wants shape (outputs, inputs), got an undefined tensor"},
        },
    // The library behind it blocks a slice as its size suggests, and threads decide on the slices.
    .same_bits_for_any_threads = false,
    .tolerances = {{DType::kF32, 2e-5}},
}};

}  // namespace
}  // namespace convoy
