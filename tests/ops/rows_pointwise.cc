// Rows of the op table: element-wise functions of one and two tensors, Where and Cast.
#include <cmath>
#include <limits>

#include "ops/binary.h"
#include "ops/cast.h"
#include "ops/unary.h"
#include "tests/ops/op_table.h"

namespace convoy {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
const double kNan = std::nan("");

using Unary = Tensor (*)(const Tensor&);
using Binary = Tensor (*)(const Tensor&, const Tensor&);

RunFunction RunUnary(Unary f) {
  return [f](Inputs in) { return f(in[0]); };
}
RunFunction RunBinary(Binary f) {
  return [f](Inputs in) { return f(in[0], in[1]); };
}

// Sizes around the vector lengths, and values in [low, high).
std::vector<Sample> UnarySamples(double low = -2, double high = 2) {
  return {
      {"matrix", {Float({3, 5}, low, high)}},
      {"scalar", {Float({}, low, high)}},
      {"odd size", {Float({67}, low, high)}},
      {"no elements", {Float({2, 0}, low, high)}},
      {.name = "large", .inputs = {Float({257, 301}, low, high)}, .large = true},
  };
}

// Beyond the range in which a function changes, and not differentiated: at such points it may have
// no derivative.
Sample Extremes(std::vector<double> values) {
  const auto n = static_cast<int64_t>(values.size());
  return {
      .name = "extremes", .inputs = {FloatValues({n}, std::move(values))}, .differentiable = false};
}

std::vector<Sample> With(std::vector<Sample> samples, std::vector<Sample> more) {
  samples.insert(samples.end(), more.begin(), more.end());
  return samples;
}

std::vector<ErrorCase> UnaryErrors(const std::string& op, Unary f) {
  return {{[f] { f({}); }, "[" + op + "] x is an undefined tensor"},
          {[f] { f(Zeros({2}, DType::kI32)); },
           "[" + op + "] x wants a floating dtype (f32, f64, bf16, f16), got i32"}};
}

OpSpec UnaryRow(const std::string& op, Unary f, const std::string& torch,
                std::vector<Sample> samples = UnarySamples()) {
  return {.op = op,
          .run = RunUnary(f),
          .torch = torch,
          .samples = std::move(samples),
          .errors = UnaryErrors(op, f)};
}

// For functions whose derivative is computed from 1 - |output|: of a 16-bit output little is left
// of that where the function levels off.
OpSpec FromOutput(OpSpec row) {
  row.tolerances = {{DType::kBF16, 5e-2}, {DType::kF16, 1e-2}};
  return row;
}

const OpRow kNegRow(UnaryRow("Neg", Neg, "-a"));
const OpRow kAbsRow(UnaryRow("Abs", Abs, "a.abs()",
                             With(UnarySamples(), {Extremes({0, -0.0, -kInf, kInf, kNan})})));
const OpRow kExpRow(UnaryRow("Exp", Exp, "a.exp()",
                             With(UnarySamples(), {{"wide", {Float({65}, -9, 9)}},
                                                   Extremes({-kInf, kInf, kNan, -2000, 2000})})));
const OpRow kLogRow(UnaryRow("Log", Log, "a.log()",
                             With(UnarySamples(0.25, 4),
                                  {Extremes({0, -1, -kInf, kInf, kNan, 1})})));
const OpRow kSqrtRow(UnaryRow("Sqrt", Sqrt, "a.sqrt()",
                              With(UnarySamples(0.25, 4), {Extremes({0, -1, kInf, kNan})})));
const OpRow kRsqrtRow(UnaryRow("Rsqrt", Rsqrt, "a.rsqrt()",
                               With(UnarySamples(0.25, 4), {Extremes({0, -1, kInf, kNan})})));
const OpRow kTanhRow(FromOutput(UnaryRow("Tanh", Tanh, "a.tanh()",
                                         With(UnarySamples(),
                                              {{"small", {Float({33}, -0.01, 0.01)}},
                                               {"wide", {Float({65}, -20, 20)}},
                                               Extremes({0, -kInf, kInf, kNan, -2000, 2000})}))));
const OpRow kSigmoidRow(FromOutput(UnaryRow("Sigmoid", Sigmoid, "a.sigmoid()",
                                            With(UnarySamples(),
                                                 {{"wide", {Float({65}, -30, 30)}},
                                                  Extremes({-kInf, kInf, kNan, -2000, 2000})}))));
const OpRow kReluRow(UnaryRow("Relu", Relu, "a.relu()",
                              With(UnarySamples(), {Extremes({0, -0.0, -kInf, kInf, kNan})})));
const OpRow kSiluRow(UnaryRow("Silu", Silu, "F.silu(a)",
                              With(UnarySamples(), {{"wide", {Float({65}, -30, 30)}},
                                                    Extremes({kInf, kNan, -2000, 2000})})));

constexpr const char* kGeluTanhTorch = "F.gelu(a, approximate='tanh')";
Tensor GeluTanh(Inputs in) { return Gelu(in[0], GeluKind::kTanh); }

const OpRow kGeluRow(UnaryRow(
    "Gelu", [](const Tensor& x) { return Gelu(x); }, "F.gelu(a)",
    With(UnarySamples(), {{"wide", {Float({65}, -15, 15)}},
                          Extremes({0, kInf, kNan, -2000, 2000}),
                          {"tanh", {Float({67})}, GeluTanh, kGeluTanhTorch},
                          {"tanh, wide", {Float({65}, -15, 15)}, GeluTanh, kGeluTanhTorch},
                          {.name = "tanh, extremes",
                           .inputs = {FloatValues({5}, {0, kInf, kNan, -2000, 2000})},
                           .run = GeluTanh,
                           .torch = kGeluTanhTorch,
                           .differentiable = false}})));

const OpRow kClampRow{{
    .op = "Clamp",
    .run = [](Inputs in) { return Clamp(in[0], -0.5, 1.25); },
    .torch = "a.clamp(-0.5, 1.25)",
    .samples = With(UnarySamples(), {Extremes({-kInf, kInf, kNan, -0.5, 1.25}),
                                     {"one-sided",
                                      {Float({9})},
                                      [](Inputs in) { return Clamp(in[0], 0.25, kInf); },
                                      "a.clamp(min=0.25)"}}),
    .errors = {{[] { Clamp(Zeros({2}), 1, 0); }, "[Clamp] low 1 is not at most high 0"},
               {[] { Clamp(Zeros({2}, DType::kI64), 0, 1); },
                "[Clamp] x wants a floating dtype (f32, f64, bf16, f16), got i64"}},
}};

Sample PowSample(const std::string& name, double exponent, double low, double high) {
  return {name,
          {Float({19}, low, high)},
          [exponent](Inputs in) { return Pow(in[0], exponent); },
          "a ** " + std::to_string(exponent)};
}

std::vector<Sample> PowSamples() {
  std::vector<Sample> samples = {
      {"matrices", {Float({3, 5}, 0.25, 3), Float({3, 5})}},
      {"stretched base", {Float({3, 1}, 0.25, 3), Float({5})}},
      {"no elements", {Float({0, 3}, 0.25, 3), Float({3})}},
      {.name = "zero base",
       .inputs = {FloatValues({4}, {0, 0, 2, 0}), FloatValues({4}, {2, 0, 0, 1})},
       .differentiable = false},
      {.name = "large", .inputs = {Float({67, 301}, 0.25, 3), Float({301})}, .large = true},
  };
  samples.push_back(PowSample("exponent 0", 0, -2, 2));
  samples.push_back(PowSample("exponent 1", 1, -2, 2));
  samples.push_back(PowSample("exponent 2", 2, -2, 2));
  samples.push_back(PowSample("exponent 3", 3, -2, 2));
  samples.push_back(PowSample("exponent 4", 4, -2, 2));
  samples.push_back(PowSample("exponent -1", -1, 0.5, 2));
  samples.push_back(PowSample("exponent -2", -2, 0.5, 2));
  samples.push_back(PowSample("exponent 0.5", 0.5, 0.5, 2));
  samples.push_back(PowSample("exponent -0.5", -0.5, 0.5, 2));
  samples.push_back(PowSample("exponent 1.7", 1.7, 0.5, 2));
  return samples;
}

// What broadcasting knows: the same shape, a row, a column, both, one element, a middle dimension,
// different numbers of dimensions; short and long rows.
std::vector<Sample> BinarySamples(double low = -2, double high = 2) {
  const auto pair = [&](const std::string& name, const Shape& a, const Shape& b) {
    return Sample{name, {Float(a, low, high), Float(b, low, high)}};
  };
  std::vector<Sample> samples = {
      pair("matrices", {3, 5}, {3, 5}),
      pair("row", {4, 7}, {7}),
      pair("row first", {7}, {4, 7}),
      pair("column", {4, 7}, {4, 1}),
      pair("row by column", {1, 6}, {5, 1}),
      pair("one element", {2, 9}, {}),
      pair("one element first", {1, 1}, {2, 9}),
      pair("scalars", {}, {}),
      pair("middle stretched", {2, 3, 4}, {2, 1, 4}),
      pair("ends stretched", {2, 3, 4}, {1, 3, 1}),
      pair("no elements", {0, 5}, {5}),
      pair("no columns", {3, 0}, {3, 1}),
      pair("large", {129, 301}, {129, 301}),
      pair("large, row", {129, 301}, {301}),
      pair("large, column", {61, 7, 83}, {61, 7, 1}),
  };
  for (Sample& sample : samples) sample.large = sample.name.starts_with("large");
  return samples;
}

std::vector<ErrorCase> BinaryErrors(const std::string& op, Binary f) {
  return {{[f] {
             f(Zeros({2, 3}), Zeros({2}));
           },
           "[" + op + "] shapes do not broadcast: lhs (2, 3), rhs (2)"},
          {[f] { f(Zeros({2}), Zeros({2}, DType::kF64)); },
           "[" + op + "] dtypes differ: lhs f32, rhs f64; use Cast"},
          {[f] { f(Zeros({2}), ZerosElsewhere({2})); },
           "[" + op + "] devices differ: lhs on cpu:0, rhs on cpu:1; use To"},
          {[f] { f(Zeros({2}), Zeros({2}, DType::kI32)); },
           "[" + op + "] rhs wants a floating dtype (f32, f64, bf16, f16), got i32"},
          {[f] { f(Zeros({2}), {}); }, "[" + op + "] rhs is an undefined tensor"}};
}

OpSpec BinaryRow(const std::string& op, Binary f, const std::string& torch,
                 std::vector<Sample> samples = BinarySamples()) {
  return {.op = op,
          .run = RunBinary(f),
          .torch = torch,
          .samples = std::move(samples),
          .errors = BinaryErrors(op, f)};
}

// The operator with a number on its right, and on its left.
std::vector<Sample> NumberSamples(RunFunction right, RunFunction left, const std::string& sign) {
  return {{"number right", {Float({2, 9}, 0.5, 2)}, std::move(right), "a " + sign + " 1.7"},
          {"number left", {Float({2, 9}, 0.5, 2)}, std::move(left), "1.7 " + sign + " a"}};
}

const OpRow kAddRow(BinaryRow("Add", Add, "a + b",
                              With(BinarySamples(),
                                   NumberSamples([](Inputs in) { return in[0] + 1.7; },
                                                 [](Inputs in) { return 1.7 + in[0]; }, "+"))));
const OpRow kSubRow(BinaryRow("Sub", Sub, "a - b",
                              With(BinarySamples(),
                                   NumberSamples([](Inputs in) { return in[0] - 1.7; },
                                                 [](Inputs in) { return 1.7 - in[0]; }, "-"))));
// Rows that the kernel takes one by one.
const std::vector<Sample> kLongRows = {{"long rows", {Float({2, 260}), Float({260})}},
                                       {"long columns", {Float({2, 260}), Float({2, 1})}}};

const OpRow kMulRow(BinaryRow("Mul", Mul, "a * b",
                              With(With(BinarySamples(), kLongRows),
                                   NumberSamples([](Inputs in) { return in[0] * 1.7; },
                                                 [](Inputs in) { return 1.7 * in[0]; }, "*"))));
const OpRow kDivRow(BinaryRow("Div", Div, "a / b",
                              With(BinarySamples(0.5, 2),
                                   NumberSamples([](Inputs in) { return in[0] / 1.7; },
                                                 [](Inputs in) { return 1.7 / in[0]; }, "/"))));

// Two ties, on which the gradient is split.
const Sample kTies = {"ties", {FloatValues({4}, {1, 2, 3, 4}), FloatValues({4}, {1, 3, 3, 2})}};
const Sample kNans = {
    .name = "NaN",
    .inputs = {FloatValues({3}, {kNan, 1, kNan}), FloatValues({3}, {2, kNan, kNan})},
    .differentiable = false};

const OpRow kMaximumRow(BinaryRow("Maximum", Maximum, "torch.maximum(a, b)",
                                  With(BinarySamples(), {kTies, kNans})));
const OpRow kMinimumRow(BinaryRow("Minimum", Minimum, "torch.minimum(a, b)",
                                  With(BinarySamples(), {kTies, kNans})));
const OpRow kPowRow(BinaryRow("Pow", Pow, "a ** b", PowSamples()));

const OpRow kWhereRow{{
    .op = "Where",
    .run = [](Inputs in) { return Where(in[0], in[1], in[2]); },
    .torch = "torch.where(a, b, c)",
    .samples = {{"matrices", {Bool({3, 5}), Float({3, 5}), Float({3, 5})}},
                {"row condition", {Bool({7}), Float({4, 7}), Float({4, 7})}},
                {"all stretched", {Bool({5, 1, 1}), Float({3, 1}), Float({4})}},
                {"one element", {Bool({2, 3}), Float({}), Float({2, 3})}},
                {"no elements", {Bool({0, 3}), Float({3}), Float({0, 3})}},
                {.name = "large",
                 .inputs = {Bool({129, 301}), Float({301}), Float({129, 301})},
                 .large = true}},
    .errors = {{[] { Where(Zeros({2}), Zeros({2}), Zeros({2})); },
                "[Where] condition has the wrong dtype: expected bool, got f32"},
               {[] { Where(Zeros({2}, DType::kBool), Zeros({2}), Zeros({2}, DType::kF64)); },
                "[Where] dtypes differ: if_true f32, if_false f64; use Cast"},
               {[] { Where(ZerosElsewhere({2}, DType::kBool), Zeros({2}), Zeros({2})); },
                "[Where] devices differ: condition on cpu:1, if_true on cpu:0; use To"},
               {[] { Where(Zeros({3}, DType::kBool), Zeros({2}), Zeros({2})); },
                "[Where] shapes do not broadcast: lhs (2), rhs (3)"}},
}};

const OpRow kCastRow{{
    .op = "Cast",
    .run = [](Inputs in) { return Cast(in[0], DType::kF32); },
    .torch = "a.float()",
    .samples = {{"to f32", {Float({3, 5})}},
                {"to f64",
                 {Float({67})},
                 [](Inputs in) { return Cast(in[0], DType::kF64); },
                 "a.double()"},
                {.name = "to bf16",
                 .inputs = {Float({67})},
                 .run = [](Inputs in) { return Cast(in[0], DType::kBF16); },
                 .torch = "a.float().bfloat16()"},
                {.name = "to f16",
                 .inputs = {Float({67})},
                 .run = [](Inputs in) { return Cast(in[0], DType::kF16); },
                 .torch = "a.float().half()"},
                {.name = "to i32",
                 .inputs = {FloatValues({6}, {-1.75, -0.5, 0, 0.5, 1.75, 3})},
                 .run = [](Inputs in) { return Cast(in[0], DType::kI32); },
                 .torch = "a.int()"},
                {.name = "to bool",
                 .inputs = {FloatValues({4}, {-0.5, 0, 2, kNan})},
                 .run = [](Inputs in) { return Cast(in[0], DType::kBool); },
                 .torch = "a.bool()"},
                {.name = "bool to i64",
                 .inputs = {Bool({7})},
                 .run = [](Inputs in) { return Cast(in[0], DType::kI64); },
                 .torch = "a.long()"},
                {"no elements", {Float({0, 2})}},
                {.name = "large", .inputs = {Float({211, 301})}, .large = true}},
    .errors = {{[] { Cast({}, DType::kF32); }, "[Cast] x is an undefined tensor"}},
    .differentiable = false,  // not to the dtype it has: cast_test.cc has the gradient
}};

}  // namespace
}  // namespace convoy
