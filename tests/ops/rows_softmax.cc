// Rows of the op table: Softmax and LogSoftmax.
#include "ops/softmax.h"
#include "tests/ops/op_table.h"

namespace convoy {
namespace {

std::vector<Sample> RowSamples() {
  return {
      {"matrix", {Float({3, 5})}},
      {"vector", {Float({37})}},
      {"one element", {Float({1})}},
      {"four dimensions", {Float({2, 3, 1, 9})}},
      {"no rows", {Float({0, 5})}},
      {"no columns", {Float({3, 0})}},
      {"far apart", {Float({4, 17}, -60, 60)}},
      {.name = "many rows", .inputs = {Float({301, 259})}, .large = true},
  };
}

const OpRow kSoftmaxRow{{
    .op = "Softmax",
    .run = [](Inputs in) { return Softmax(in[0]); },
    .torch = "F.softmax(a, -1)",
    .samples = RowSamples(),
    .errors = {{[] { Softmax(Zeros({})); }, "[Softmax] wants at least one dimension, got a scalar"},
               {[] { Softmax(Zeros({2}, DType::kI32)); },
                "[Softmax] x wants a floating dtype (f32, f64, bf16, f16), got i32"},
               {[] { Softmax({}); }, "[Softmax] x is an undefined tensor"}},
}};

const OpRow kLogSoftmaxRow{{
    .op = "LogSoftmax",
    .run = [](Inputs in) { return LogSoftmax(in[0]); },
    .torch = "F.log_softmax(a, -1)",
    .samples = RowSamples(),
    .errors = {{[] { LogSoftmax(Zeros({})); },
                "[LogSoftmax] wants at least one dimension, got a scalar"},
               {[] { LogSoftmax(Zeros({2}, DType::kBool)); },
                "[LogSoftmax] x wants a floating dtype (f32, f64, bf16, f16), got bool"}},
}};

}  // namespace
}  // namespace convoy
