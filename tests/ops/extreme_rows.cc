// Cases at the edges of dtypes: ops over rows (softmax, losses, reductions, norms), each beside its
// formula.
#include <algorithm>
#include <cmath>

#include "ops/binary.h"
#include "ops/loss.h"
#include "ops/norm.h"
#include "ops/reduce.h"
#include "ops/softmax.h"
#include "tests/ops/extremes.h"

namespace convoy {
namespace {

using Real = long double;

const int64_t kLines = 3 * static_cast<int64_t>(Extremes().size());

std::vector<Shape> Rows(int64_t n) { return {Shape{kLines, n}}; }
std::vector<Shape> Columns(int64_t n) { return {Shape{n, kLines}}; }

// The row of x that begins at `at`.
Wide Row(const Wide& x, size_t at, size_t n) {
  return {x.begin() + static_cast<std::ptrdiff_t>(at),
          x.begin() + static_cast<std::ptrdiff_t>(at + n)};
}

Real Total(const Wide& row) {
  Real sum = 0;
  for (const Real v : row) sum += v;
  return sum;
}

// The greatest number; NaN if there is one.
Real Greatest(const Wide& row) {
  Real greatest = row[0];
  for (const Real v : row) {
    if (std::isnan(v)) return v;
    greatest = std::max(greatest, v);
  }
  return greatest;
}

// x - log of the sum of exponentials.
Wide LogProbabilities(Wide row) {
  const Real max = Greatest(row);
  Wide exponentials;
  for (Real& v : row) exponentials.push_back(std::exp(v -= max));
  const Real log_sum = std::log(Total(exponentials));
  for (Real& v : row) v -= log_sum;
  return row;
}

Wide Probabilities(const Wide& row) {
  Wide p = LogProbabilities(row);
  for (Real& v : p) v = std::exp(v);
  return p;
}

// Output and gradient of a function of rows: f(row, g) gives a row of both.
template <typename F>
PlainFunction ByRows(F f) {
  return [f](const std::vector<Wide>& in, const Wide& dy, size_t n) {
    PlainResult result{{}, {{}}};
    for (size_t at = 0; at < in[0].size(); at += n) {
      const auto [y, dx] = f(Row(in[0], at, n), Row(dy, at, n));
      result.output.insert(result.output.end(), y.begin(), y.end());
      result.grads[0].insert(result.grads[0].end(), dx.begin(), dx.end());
    }
    return result;
  };
}

const ExtremeCases kSoftmax{
    {.op = "Softmax",
     .placement = Placement::kRows,
     .shapes = Rows,
     .run = [](Inputs in) { return Softmax(in[0]); },
     .plain = ByRows([](const Wide& x, const Wide& g) {
       const Wide y = Probabilities(x);
       Wide dx;
       Real dot = 0;
       for (size_t i = 0; i < x.size(); ++i) dot += y[i] * g[i];
       for (size_t i = 0; i < x.size(); ++i) dx.push_back(y[i] * (g[i] - dot));
       return std::pair(y, dx);
     }),
     .error = ErrorMeasure::kAbsolute},
    {.op = "LogSoftmax",
     .placement = Placement::kRows,
     .shapes = Rows,
     .run = [](Inputs in) { return LogSoftmax(in[0]); },
     .plain = ByRows([](const Wide& x, const Wide& g) {
       const Wide y = LogProbabilities(x);
       Wide dx;
       for (size_t i = 0; i < x.size(); ++i) dx.push_back(g[i] - std::exp(y[i]) * Total(g));
       return std::pair(y, dx);
     }),
     .error = ErrorMeasure::kOfMagnitude},
    {.op = "CrossEntropy",
     .placement = Placement::kSingle,
     .shapes =
         [](int64_t n) {
           return std::vector<Shape>{{3, n}};
         },
     .run =
         [](Inputs in) {
           const int32_t last = static_cast<int32_t>(in[0].dim(1)) - 1;
           const Tensor labels = Tensor::From<int32_t>({3}, {0, last / 2, last});
           return CrossEntropy(in[0], labels.To(in[0].device()));
         },
     .plain =
         [](const std::vector<Wide>& in, const Wide& dy, size_t n) {
           PlainResult result{{0}, {{}}};
           for (size_t r = 0; r < 3; ++r) {
             const Wide log_p = LogProbabilities(Row(in[0], r * n, n));
             const size_t label = r * (n - 1) / 2;
             result.output[0] -= log_p[label] / 3;
             for (size_t i = 0; i < n; ++i)
               result.grads[0].push_back((std::exp(log_p[i]) - (i == label ? 1 : 0)) * dy[0] / 3);
           }
           return result;
         },
     .error = ErrorMeasure::kAbsolute},
};

// Reductions of rows (n is the last dimension) and of columns (n is the first): one number y of
// each line, and the gradients of its elements, given g.
template <typename F>
void AddReduction(const std::string& op,
                  Tensor (*run)(const Tensor&, const std::vector<int>&, bool), F f) {
  for (const bool rows : {true, false}) {
    const PlainFunction plain = [f, rows](const std::vector<Wide>& in, const Wide& dy, size_t n) {
      const size_t lines = in[0].size() / n;
      PlainResult result{{}, {Wide(in[0].size())}};
      for (size_t r = 0; r < lines; ++r) {
        const auto at = [&](size_t i) { return rows ? r * n + i : i * lines + r; };
        Wide line;
        for (size_t i = 0; i < n; ++i) line.push_back(in[0][at(i)]);
        const auto [y, dx] = f(line, dy[r]);
        result.output.push_back(y);
        for (size_t i = 0; i < n; ++i) result.grads[0][at(i)] = dx[i];
      }
      return result;
    };
    ExtremeCases{{.op = op,
                  .name = rows ? "of rows" : "of columns",
                  .placement = rows ? Placement::kRows : Placement::kColumns,
                  .shapes = rows ? Rows : Columns,
                  .run = [=](Inputs in) { return run(in[0], {rows ? 1 : 0}, false); },
                  .plain = plain,
                  .error = ErrorMeasure::kAbsolute}};
  }
}

const bool kReductions = [] {
  AddReduction("Sum", Sum,
               [](const Wide& x, Real g) { return std::pair(Total(x), Wide(x.size(), g)); });
  AddReduction("Mean", Mean, [](const Wide& x, Real g) {
    const Real n = static_cast<Real>(x.size());
    return std::pair(Total(x) / n, Wide(x.size(), g / n));
  });
  AddReduction("Max", Max, [](const Wide& x, Real g) {
    const Real y = Greatest(x);
    const Real count = static_cast<Real>(std::count(x.begin(), x.end(), y));
    Wide dx;  // NaN everywhere if the greatest is NaN, which equals none
    for (const Real v : x) dx.push_back(std::isnan(y) ? y : v == y ? g / count : 0);
    return std::pair(y, dx);
  });
  for (const bool rows : {true, false}) {
    ExtremeCases{{.op = "ArgMax",
                  .name = rows ? "of rows" : "of columns",
                  .placement = rows ? Placement::kRows : Placement::kColumns,
                  .shapes = rows ? Rows : Columns,
                  .run = [=](Inputs in) { return ArgMax(in[0], rows ? 1 : 0); },
                  .plain =
                      [=](const std::vector<Wide>& in, const Wide&, size_t n) {
                        const size_t lines = in[0].size() / n;
                        PlainResult result;
                        for (size_t r = 0; r < lines; ++r) {
                          const auto x = [&](size_t i) {
                            return in[0][rows ? r * n + i : i * lines + r];
                          };
                          size_t best = 0;
                          for (size_t i = 1; i < n && !std::isnan(x(best)); ++i)
                            if (std::isnan(x(i)) || x(i) > x(best)) best = i;
                          result.output.push_back(static_cast<Real>(best));
                        }
                        return result;
                      },
                  .differentiable = false}};
  }
  return true;
}();

// LayerNorm (centred) and RmsNorm of 3 rows x, with weight w and bias b, which RmsNorm has not.
PlainResult Normalised(const Wide& x, const Wide& w, const Wide* b, const Wide& dy) {
  const size_t n = w.size();
  const Real count = static_cast<Real>(n);
  PlainResult result{{}, {{}, Wide(n), Wide(n)}};
  for (size_t at = 0; at < x.size(); at += n) {
    Wide row = Row(x, at, n);
    const Real mean = b != nullptr ? Total(row) / count : 0;
    Real squares = 0;
    for (Real& v : row) v -= mean, squares += v * v;
    const Real rstd = 1 / std::sqrt(squares / count + 1e-5L);
    Real sum = 0, dot = 0;
    for (size_t i = 0; i < n; ++i) {
      row[i] *= rstd;
      result.output.push_back(row[i] * w[i] + (b != nullptr ? (*b)[i] : 0));
      const Real g = dy[at + i];
      if (b != nullptr) sum += g * w[i] / count;
      dot += g * w[i] * row[i] / count;
      result.grads[1][i] += g * row[i];
      result.grads[2][i] += g;
    }
    for (size_t i = 0; i < n; ++i)
      result.grads[0].push_back((dy[at + i] * w[i] - sum - row[i] * dot) * rstd);
  }
  return result;
}

const ExtremeCases kNorms{
    {.op = "LayerNorm",
     .placement = Placement::kSingle,
     .shapes =
         [](int64_t n) {
           return std::vector<Shape>{{3, n}, {n}, {n}};
         },
     .run = [](Inputs in) { return LayerNorm(in[0], in[1], in[2]); },
     .plain = [](const std::vector<Wide>& in, const Wide& dy,
                 size_t) { return Normalised(in[0], in[1], &in[2], dy); },
     .error = ErrorMeasure::kAbsolute,
     .gradient_error = ErrorMeasure::kOfMagnitude},
    {.op = "AddLayerNorm",
     .placement = Placement::kSingle,
     .shapes =
         [](int64_t n) {
           return std::vector<Shape>{{3, n}, {3, n}, {n}, {n}};
         },
     .run = [](Inputs in) { return AddLayerNorm(in[0], in[1], in[2], in[3]).normalized; },
     .plain =
         [](const std::vector<Wide>& in, const Wide& dy, size_t) {
           Wide sum = in[0];
           for (size_t i = 0; i < sum.size(); ++i) sum[i] += in[1][i];
           PlainResult result = Normalised(sum, in[2], &in[3], dy);
           result.grads.insert(result.grads.begin(), result.grads[0]);
           return result;
         },
     .error = ErrorMeasure::kAbsolute,
     .gradient_error = ErrorMeasure::kOfMagnitude},
    {.op = "RmsNorm",
     .placement = Placement::kSingle,
     .shapes =
         [](int64_t n) {
           return std::vector<Shape>{{3, n}, {n}};
         },
     .run = [](Inputs in) { return RmsNorm(in[0], in[1]); },
     .plain =
         [](const std::vector<Wide>& in, const Wide& dy, size_t) {
           PlainResult result = Normalised(in[0], in[1], nullptr, dy);
           result.grads.pop_back();
           return result;
         },
     .error = ErrorMeasure::kAbsolute,
     .gradient_error = ErrorMeasure::kOfMagnitude},
};

}  // namespace
}  // namespace convoy
