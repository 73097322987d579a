// Rows of the op table: sums, means and maxima.
#include <cmath>
#include <type_traits>

#include "ops/reduce.h"
#include "tests/ops/op_table.h"

namespace convoy {
namespace {

using Reduction = Tensor (*)(const Tensor&, const std::vector<int>&, bool);

// `call` is the expression's head: "a.sum(" is completed to "a.sum((0, 2), False)".
std::vector<Sample> ReductionSamples(Reduction f, const std::string& call) {
  const auto over = [&](const std::string& name, const Shape& shape, std::vector<int> axes,
                        const std::string& torch_axes, bool keep_dims = false) {
    return Sample{.name = name,
                  .inputs = {Float(shape)},
                  .run = [=](Inputs in) { return f(in[0], axes, keep_dims); },
                  .torch = call + torch_axes + (keep_dims ? ", True)" : ", False)"),
                  .large = name.starts_with("large")};
  };
  return {
      over("all", {3, 5}, {}, "(0, 1)"),
      over("all, kept", {3, 5}, {}, "(0, 1)", true),
      over("rows", {3, 37}, {1}, "1"),
      over("columns", {37, 5}, {0}, "0"),
      over("wide columns", {5, 131}, {0}, "0"),
      over("middle", {3, 4, 5}, {1}, "1"),
      over("middle, kept", {3, 4, 5}, {-2}, "1", true),
      over("ends", {3, 4, 5}, {0, 2}, "(0, 2)"),
      over("alternating, kept", {2, 3, 2, 3, 2}, {4, 0, 2}, "(0, 2, 4)", true),
      over("extent one", {3, 1, 2}, {1}, "1"),
      over("one element", {1}, {0}, "0"),
      over("no rows", {0, 3}, {1}, "1"),
      over("large rows", {3, 9001}, {1}, ""),
      over("large columns", {301, 129}, {0}, ""),
      over("large alternating", {31, 40, 23}, {0, 2}, ""),
      over("large, all", {401, 301}, {}, ""),
  };
}

template <typename T>
std::vector<T> With(std::vector<T> list, const std::vector<std::type_identity_t<T>>& more) {
  list.insert(list.end(), more.begin(), more.end());
  return list;
}

std::vector<ErrorCase> ReductionErrors(const std::string& op, Reduction f) {
  return {{[f] {
             f(Zeros({2, 3}), {2}, false);
           },
           "[" + op + "] axis 2 does not exist in shape (2, 3)"},
          {[f] {
             f(Zeros({2, 3}), {0, -2}, false);
           },
           "[" + op + "] axis -2 is given twice for shape (2, 3)"},
          {[f] { f(Zeros({2}, DType::kI64), {}, false); },
           "[" + op + "] x wants a floating dtype (f32, f64, bf16, f16), got i64"},
          {[f] { f({}, {}, false); }, "[" + op + "] x is an undefined tensor"}};
}

const OpRow kSumRow{{
    .op = "Sum",
    .samples = With(
        ReductionSamples(Sum, "a.sum("),
        {{"scalar", {Float({})}, [](Inputs in) { return Sum(in[0]); }, "a.sum()"},
         {"of nothing", {Float({3, 0})}, [](Inputs in) { return Sum(in[0], {1}); }, "a.sum(1)"}}),
    .errors = ReductionErrors("Sum", Sum),
}};

const OpRow kMeanRow{{
    .op = "Mean",
    .samples = With(
        ReductionSamples(Mean, "a.mean("),
        {{"of nothing", {Float({3, 0})}, [](Inputs in) { return Mean(in[0], {1}); }, "a.mean(1)"}}),
    .errors = ReductionErrors("Mean", Mean),
}};

const OpRow kMaxRow{{
    .op = "Max",
    .samples = With(ReductionSamples(Max, "a.amax("),
                    {{"ties",
                      {FloatValues({2, 4}, {1, 3, 3, 2, 5, 5, 1, 0})},
                      [](Inputs in) { return Max(in[0], {1}); },
                      "a.amax(1)"},
                     {.name = "NaN",
                      .inputs = {FloatValues(
                          {3, 3}, {1, std::nan(""), 2, std::nan(""), 1, 2, 1, 2, std::nan("")})},
                      .run = [](Inputs in) { return Max(in[0], {1}); },
                      .torch = "a.amax(1)",
                      .differentiable = false}}),
    .errors =
        With(ReductionErrors("Max", Max), {{[] {
                                              Max(Zeros({3, 0}), {1});
                                            },
                                            "[Max] no element to choose from in shape (3, 0)"}}),
}};

const OpRow kArgMaxRow{{
    .op = "ArgMax",
    .run = [](Inputs in) { return ArgMax(in[0]); },
    .torch = "a.argmax(-1)",
    .samples =
        {{"rows", {Float({5, 37})}},
         {"columns", {Float({37, 5})}, [](Inputs in) { return ArgMax(in[0], 0); }, "a.argmax(0)"},
         {"middle, kept",
          {Float({3, 4, 5})},
          [](Inputs in) { return ArgMax(in[0], 1, true); },
          "a.argmax(1, True)"},
         {"one element", {Float({1})}},
         {"first of equals", {FloatValues({2, 4}, {1, 3, 3, 2, 5, 5, 5, 5})}},
         {"NaN", {FloatValues({2, 4}, {1, std::nan(""), 3, std::nan(""), 1, 2, 3, std::nan("")})}},
         {"no rows", {Float({0, 3})}},
         {.name = "large", .inputs = {Float({301, 259})}, .large = true}},
    .errors = {{[] {
                  ArgMax(Zeros({3, 0}));
                },
                "[ArgMax] no element to choose from in shape (3, 0)"},
               {[] {
                  ArgMax(Zeros({2, 3}), 2);
                },
                "[ArgMax] axis 2 does not exist in shape (2, 3)"},
               {[] { ArgMax(Zeros({2}, DType::kU8)); },
                "[ArgMax] x wants a floating dtype (f32, f64, bf16, f16), got u8"}},
    .differentiable = false,
}};

}  // namespace
}  // namespace convoy
