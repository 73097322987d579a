// Cases at the edges of dtypes: point-wise ops, each beside its formula. Gradients where a function
// has a kink or an input is NaN are those of PyTorch.
#include <cmath>

#include "ops/binary.h"
#include "ops/cast.h"
#include "ops/dropout.h"
#include "ops/unary.h"
#include "tests/ops/extremes.h"

namespace convoy {
namespace {

using Real = long double;

std::vector<Shape> OneVector(int64_t n) { return {Shape{n}}; }
std::vector<Shape> TwoVectors(int64_t n) { return {Shape{n}, Shape{n}}; }

// f(x), and its derivative times g: df(g, x, y).
ExtremeCase Unary(const std::string& op, const std::string& name, Tensor (*run)(const Tensor&),
                  Real (*f)(Real), Real (*df)(Real, Real, Real),
                  ErrorMeasure error = ErrorMeasure::kRelative) {
  return {.op = op,
          .name = name,
          .placement = Placement::kElements,
          .shapes = OneVector,
          .run = [run](Inputs in) { return run(in[0]); },
          .plain =
              [=](const std::vector<Wide>& in, const Wide& dy, size_t n) {
                PlainResult result{Wide(n), {Wide(n)}};
                for (size_t i = 0; i < n; ++i) {
                  result.output[i] = f(in[0][i]);
                  result.grads[0][i] = df(dy[i], in[0][i], result.output[i]);
                }
                return result;
              },
          .error = error};
}

// f(a, b), and its derivatives times g: da(g, a, b) and db(g, a, b).
ExtremeCase Binary(const std::string& op, Tensor (*run)(const Tensor&, const Tensor&),
                   Real (*f)(Real, Real), Real (*da)(Real, Real, Real),
                   Real (*db)(Real, Real, Real)) {
  return {.op = op,
          .name = op == "Pow" ? "of two tensors" : "",
          .placement = Placement::kPairs,
          .shapes = TwoVectors,
          .run = [run](Inputs in) { return run(in[0], in[1]); },
          .plain =
              [=](const std::vector<Wide>& in, const Wide& dy, size_t n) {
                PlainResult result{Wide(n), {Wide(n), Wide(n)}};
                for (size_t i = 0; i < n; ++i) {
                  result.output[i] = f(in[0][i], in[1][i]);
                  result.grads[0][i] = da(dy[i], in[0][i], in[1][i]);
                  result.grads[1][i] = db(dy[i], in[0][i], in[1][i]);
                }
                return result;
              }};
}

Real Logistic(Real x) { return 1 / (1 + std::exp(-x)); }
Real NormalCdf(Real x) { return std::erfc(-x / std::sqrt(Real{2})) / 2; }

constexpr Real kSlope = 0.79788456080286535588L;  // sqrt(2 / pi)
Real GeluTanhOf(Real x) { return x * Logistic(2 * kSlope * (x + 0.044715L * x * x * x)); }
Real GeluTanhSlope(Real x) {
  const Real s = Logistic(2 * kSlope * (x + 0.044715L * x * x * x));
  return s + x * s * (1 - s) * 2 * kSlope * (1 + 3 * 0.044715L * x * x);
}

const ExtremeCases kUnary{
    Unary(
        "Neg", "", Neg, [](Real x) { return -x; }, [](Real g, Real, Real) { return -g; }),
    Unary(
        "Abs", "", Abs, [](Real x) { return std::fabs(x); },
        [](Real g, Real x, Real) { return x > 0   ? g
                                          : x < 0 ? -g
                                                  : 0; }),
    Unary(
        "Exp", "", Exp, [](Real x) { return std::exp(x); },
        [](Real g, Real, Real y) { return g * y; }),
    Unary(
        "Log", "", Log, [](Real x) { return std::log(x); },
        [](Real g, Real x, Real) { return g / x; }),
    Unary(
        "Sqrt", "", Sqrt, [](Real x) { return std::sqrt(x); },
        [](Real g, Real, Real y) { return g / (2 * y); }),
    Unary(
        "Rsqrt", "", Rsqrt, [](Real x) { return 1 / std::sqrt(x); },
        [](Real g, Real, Real y) { return -g / 2 * y * y * y; }),
    Unary(
        "Tanh", "", Tanh, [](Real x) { return std::tanh(x); },
        [](Real g, Real, Real y) { return g * (1 - y * y); }),
    Unary("Sigmoid", "", Sigmoid, Logistic, [](Real g, Real, Real y) { return g * y * (1 - y); }),
    Unary(
        "Relu", "", Relu, [](Real x) { return x < 0 ? 0 : x; },
        [](Real g, Real, Real y) { return y <= 0 ? 0 : g; }),
    Unary(
        "Silu", "", Silu, [](Real x) { return x * Logistic(x); },
        [](Real g, Real x, Real) { return g * Logistic(x) * (1 + x * (1 - Logistic(x))); }),
    Unary(
        "Gelu", "", [](const Tensor& x) { return Gelu(x); },
        [](Real x) { return x * NormalCdf(x); },
        [](Real g, Real x, Real) {
          return g * (NormalCdf(x) + x * kSlope / 2 * std::exp(-x * x / 2));
        }),
    Unary(
        "Gelu", "by tanh", [](const Tensor& x) { return Gelu(x, GeluKind::kTanh); }, GeluTanhOf,
        [](Real g, Real x, Real) { return g * GeluTanhSlope(x); }),
    Unary(
        "Clamp", "", [](const Tensor& x) { return Clamp(x, -1.5, 0.75); },
        [](Real x) { return x < -1.5L   ? -1.5L
                            : x > 0.75L ? 0.75L
                                        : x; },
        [](Real g, Real x, Real) { return x >= -1.5L && x <= 0.75L ? g : 0; }),
    Unary(
        "Pow", "0.5", [](const Tensor& x) { return Pow(x, 0.5); },
        [](Real x) { return std::sqrt(x); }, [](Real g, Real, Real y) { return g / (2 * y); }),
    Unary(
        "Pow", "-0.5", [](const Tensor& x) { return Pow(x, -0.5); },
        [](Real x) { return 1 / std::sqrt(x); },
        [](Real g, Real x, Real) { return -g / 2 * std::pow(x, -1.5L); }),
    Unary(
        "Pow", "-1", [](const Tensor& x) { return Pow(x, -1); }, [](Real x) { return 1 / x; },
        [](Real g, Real x, Real) { return -g / (x * x); }),
    Unary(
        "Pow", "3", [](const Tensor& x) { return Pow(x, 3); }, [](Real x) { return x * x * x; },
        [](Real g, Real x, Real) { return g * 3 * (x * x); }),
    Unary(
        "Pow", "1.75", [](const Tensor& x) { return Pow(x, 1.75); },
        [](Real x) { return std::pow(x, 1.75L); },
        [](Real g, Real x, Real) { return g * 1.75L * std::pow(x, 0.75L); }),
    Unary(
        "Cast", "to f32", [](const Tensor& x) { return Cast(Cast(x, DType::kF64), DType::kF32); },
        [](Real x) { return x; }, [](Real g, Real, Real) { return g; }),
};

const ExtremeCases kBinary{
    Binary(
        "Add", Add, [](Real a, Real b) { return a + b; }, [](Real g, Real, Real) { return g; },
        [](Real g, Real, Real) { return g; }),
    Binary(
        "Sub", Sub, [](Real a, Real b) { return a - b; }, [](Real g, Real, Real) { return g; },
        [](Real g, Real, Real) { return -g; }),
    Binary(
        "Mul", Mul, [](Real a, Real b) { return a * b; },
        [](Real g, Real, Real b) { return g * b; }, [](Real g, Real a, Real) { return g * a; }),
    Binary(
        "Div", Div, [](Real a, Real b) { return a / b; },
        [](Real g, Real, Real b) { return g / b; },
        [](Real g, Real a, Real b) { return -g * (a / b) / b; }),
    Binary(
        "Maximum", Maximum,
        [](Real a, Real b) { return std::isnan(a) || std::isnan(b) ? NAN : std::fmax(a, b); },
        [](Real g, Real a, Real b) { return a < b    ? 0
                                            : a == b ? g / 2
                                                     : g; },
        [](Real g, Real a, Real b) { return b < a    ? 0
                                            : a == b ? g / 2
                                                     : g; }),
    Binary(
        "Minimum", Minimum,
        [](Real a, Real b) { return std::isnan(a) || std::isnan(b) ? NAN : std::fmin(a, b); },
        [](Real g, Real a, Real b) { return a > b    ? 0
                                            : a == b ? g / 2
                                                     : g; },
        [](Real g, Real a, Real b) { return b > a    ? 0
                                            : a == b ? g / 2
                                                     : g; }),
    Binary(
        "Pow", Pow, [](Real a, Real b) { return std::pow(a, b); },
        [](Real g, Real a, Real b) { return b == 0 ? 0 : g * (b * std::pow(a, b - 1)); },
        [](Real g, Real a, Real b) {
          return a == 0 && b >= 0 ? 0 : g * (std::pow(a, b) * std::log(a));
        }),
};

Tensor Alternating(const Tensor& like) {
  std::vector<double> values;
  for (int64_t i = 0; i < like.numel(); ++i) values.push_back(i % 3 == 0 ? 1 : 0);
  const Tensor bits = Tensor::From(like.shape(), values, like.device());
  return Cast(bits, DType::kBool);
}

const ExtremeCases kChoices{
    {.op = "Where",
     .placement = Placement::kPairs,
     .shapes = TwoVectors,
     .run = [](Inputs in) { return Where(Alternating(in[0]), in[0], in[1]); },
     .plain =
         [](const std::vector<Wide>& in, const Wide& dy, size_t n) {
           PlainResult result{Wide(n), {Wide(n), Wide(n)}};
           for (size_t i = 0; i < n; ++i) {
             const size_t chosen = i % 3 == 0 ? 0 : 1;
             result.output[i] = in[chosen][i];
             result.grads[chosen][i] = dy[i];
           }
           return result;
         }},
    {.op = "Cast",
     .name = "to i32",
     .placement = Placement::kElements,
     .shapes = OneVector,
     .run = [](Inputs in) { return Cast(in[0], DType::kI32); },
     .plain =
         [](const std::vector<Wide>& in, const Wide&, size_t n) {
           PlainResult result{Wide(n), {}};
           for (size_t i = 0; i < n; ++i) {
             const Real x = in[0][i];
             result.output[i] = std::isnan(x)         ? 0
                                : x >= 2147483647.0L  ? 2147483647.0L
                                : x <= -2147483648.0L ? -2147483648.0L
                                                      : std::trunc(x);
           }
           return result;
         },
     .differentiable = false},
    {.op = "Cast",
     .name = "to bool",
     .placement = Placement::kElements,
     .shapes = OneVector,
     .run = [](Inputs in) { return Cast(in[0], DType::kBool); },
     .plain =
         [](const std::vector<Wide>& in, const Wide&, size_t n) {
           PlainResult result{Wide(n), {}};
           for (size_t i = 0; i < n; ++i) result.output[i] = in[0][i] != 0 ? 1 : 0;
           return result;
         },
     .differentiable = false},
    {.op = "Dropout",
     .placement = Placement::kElements,
     .shapes = OneVector,
     .run = [](Inputs in) { return Dropout(in[0], 0.25, {.seed = 7, .stream = 3}); }},
};

}  // namespace
}  // namespace convoy
