// How far results may lie from the exact ones: units in the last place of the elementary functions,
// and gradients whose intermediate values leave the range of the dtype.
#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include "core/autograd.h"
#include "ops/binary.h"
#include "ops/pointwise/binary-inl.h"
#include "ops/pointwise/scalar_math.h"
#include "ops/unary.h"
#include "tests/instruction_set.h"
#include "tests/ops/drivers.h"

namespace convoy {
namespace {

// Units in the last place of T between `got` and the exact value; infinite if one is NaN, infinite
// or of another sign and the other is not.
template <typename T, typename Exact>
double Ulps(T got, Exact exact) {
  const T rounded = static_cast<T>(exact);
  if (std::isnan(exact) && std::isnan(got)) return 0;
  if (got == rounded && std::signbit(got) == std::signbit(rounded)) return 0.5;
  if (!std::isfinite(got) || !std::isfinite(rounded) || std::signbit(got) != std::signbit(rounded))
    return std::numeric_limits<double>::infinity();
  int exponent = 0;
  std::frexp(exact, &exponent);
  exponent = std::max(exponent, std::numeric_limits<T>::min_exponent);
  const Exact unit = std::ldexp(Exact{1}, exponent - std::numeric_limits<T>::digits);
  return static_cast<double>(std::abs((static_cast<Exact>(got) - exact) / unit));
}

struct Function {
  const char* name;
  Tensor (*run)(const Tensor&);
  long double (*exact)(long double);
  double (*exact_for_f32)(double);
  double low, high;  // where it is tried, beside 0, infinities and NaN
  double ulps;
};

// Below -87, e^-x leaves the range of f32 before Sigmoid and Silu do.
const Function kFunctions[] = {
    {"Exp", Exp, std::exp, std::exp, -110, 100, 1},
    {"Tanh", Tanh, std::tanh, std::tanh, -30, 30, 1},
    {"Log", Log, std::log, std::log, 0, 1e38, 1},
    {"Sqrt", Sqrt, std::sqrt, std::sqrt, 0, 1e38, 0.5},
    {"Rsqrt", Rsqrt, [](long double x) { return 1 / std::sqrt(x); },
     [](double x) { return 1 / std::sqrt(x); }, 0, 1e38, 1.5},
    {"Sigmoid", Sigmoid, [](long double x) { return 1 / (1 + std::exp(-x)); },
     [](double x) { return 1 / (1 + std::exp(-x)); }, -87, 100, 2.25},
    {"Silu", Silu, [](long double x) { return x < -1e4L ? -0.0L : x / (1 + std::exp(-x)); },
     [](double x) { return x < -1e4 ? -0.0 : x / (1 + std::exp(-x)); }, -87, 100, 2.25},
};

// Numbers of every magnitude (the bit patterns, evenly spaced), and as many spread evenly over the
// range and over [-2, 2], where these functions bend.
template <typename T>
std::vector<T> Points(double low, double high) {
  constexpr int kEach = 60'000;
  using Bits = std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>;
  const T inf = std::numeric_limits<T>::infinity(), nan = std::numeric_limits<T>::quiet_NaN();
  std::vector<T> points = {T{0}, -T{0}, inf, -inf, nan, std::numeric_limits<T>::denorm_min()};
  const auto add = [&](T x) {
    if (x >= low && x <= high) points.push_back(x);
  };
  const Bits step = (Bits{1} << (sizeof(T) * 8 - 1)) / kEach;
  for (int i = 0; i < kEach; ++i) {
    const T size = std::bit_cast<T>(static_cast<Bits>(step * static_cast<Bits>(i)));
    add(size);
    add(-size);
    const double part = (i + 0.37) / kEach;
    add(static_cast<T>(low + (high - low) * part));
    add(static_cast<T>(4 * part - 2));
  }
  return points;
}

template <typename T, typename Exact>
void CheckUlps(const Function& f, Exact (*exact)(Exact)) {
  const std::vector<T> x = Points<T>(f.low, f.high);
  const std::vector<T> y =
      f.run(Tensor::From({static_cast<int64_t>(x.size())}, x)).template ToVector<T>();
  double worst = 0;
  T at = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    const double ulps = Ulps(y[i], exact(static_cast<Exact>(x[i])));
    if (ulps > worst) worst = ulps, at = x[i];
  }
  INFO(f.name << " of " << sizeof(T) * 8 << " bits, worst at " << at);
  CHECK(worst <= f.ulps);
}

TEST_CASE("elementary functions err by no more units in the last place than they may") {
  for (const int64_t target : hwy::SupportedAndGeneratedTargets()) {
    INFO("instruction set " << hwy::TargetName(target));
    const OnlyTarget only(target);
    for (const Function& f : kFunctions) {
      CheckUlps<float>(f, f.exact_for_f32);
      CheckUlps<double>(f, f.exact);
    }
  }
}

constexpr float kInf = std::numeric_limits<float>::infinity();

// A gradient g that arrives at an operation on a and b.
struct Case {
  float g, a, b;
};

using Slope = float (*)(float g, float a, float b);
using ExactSlope = double (*)(double g, double a, double b);

// The gradients of `op` as the kernels compute them, against f64; `lhs` and `rhs` are the formulas
// built for scalars, as a GPU runs them.
void CheckGradients(Tensor (*op)(const Tensor&, const Tensor&), const std::vector<Case>& cases,
                    ExactSlope exact_lhs, ExactSlope exact_rhs, Slope lhs, Slope rhs,
                    double allowed_ulps) {
  const auto n = static_cast<int64_t>(cases.size());
  std::vector<float> g, a, b;
  for (const Case& c : cases) g.push_back(c.g), a.push_back(c.a), b.push_back(c.b);
  const Tensor x = Tensor::From({n}, a).SetRequiresGrad();
  const Tensor y = Tensor::From({n}, b).SetRequiresGrad();
  Backward(op(x, y), {.seed = Tensor::From({n}, g)});
  const std::vector<float> dx = x.grad().ToVector<float>(), dy = y.grad().ToVector<float>();
  for (size_t i = 0; i < cases.size(); ++i) {
    const Case& c = cases[i];
    INFO("gradient " << c.g << " at " << c.a << ", " << c.b);
    const double want_lhs = exact_lhs(c.g, c.a, c.b), want_rhs = exact_rhs(c.g, c.a, c.b);
    INFO("exact: " << want_lhs << ", " << want_rhs << "; got " << dx[i] << ", " << dy[i]);
    CHECK(Ulps(dx[i], want_lhs) <= allowed_ulps);
    CHECK(Ulps(dy[i], want_rhs) <= allowed_ulps);
    CHECK(Ulps(lhs(c.g, c.a, c.b), want_lhs) <= allowed_ulps);
    CHECK(Ulps(rhs(c.g, c.a, c.b), want_rhs) <= allowed_ulps);
  }
}

TEST_CASE("Div's gradients are right where a part of them leaves the range") {
  CheckGradients(
      Div,
      {
          {1, 3, 7},
          {1e-40f, 1, 0.1f},
          {0, 1, 1e-40f},           // 1 / 1e-40 is infinite, times 0 would be NaN
          {1e-38f, 1e10f, 1e-30f},  // the quotient overflows
          {1e-30f, 10, 1e-38f},
          {1e38f, 1e-30f, 1e20f},  // it underflows
          {1e30f, 1e20f, 1e20f},   // g times the quotient overflows
          {1e-30f, 1e-20f, 1e-5f},
          {1e-30f, 1e-10f, 1e-12f},
          {-1e38f, 1e-42f, -1e-3f},
          {1, 1, 1e30f},  // the exact gradient is 0 in f32
          {1, 1, 1e-30f},
          {1, 0, 1e-30f},
          {0, 0, 5},
          {1e-38f, -1e-38f, -1e-38f},
          {1e38f, 1e38f, 3e38f},
      },
      +[](double g, double, double b) { return g / b; },
      +[](double g, double a, double b) { return -(g * a / b / b); },
      +[](float g, float a, float b) {
        return scalar::Div::GradLhs(scalar::Scalar<float>(), g, a, b);
      },
      +[](float g, float a, float b) {
        return scalar::Div::GradRhs(scalar::Scalar<float>(), g, a, b);
      },
      2);
}

TEST_CASE("Pow's gradients are right where the power leaves the range") {
  CheckGradients(
      Pow,
      {
          {1, 3, 2.5f},
          {1e-30f, 1e10f, 5},    // 1e50
          {1e-30f, 1e-10f, -4},  // 1e40 and 1e50
          {1e30f, 1e-12f, 4},    // 1e-36 and 1e-48
          {1e30f, -1e-13f, 4},
          {1e-30f, -1e13f, 4},
          {0, 1e20f, 5},
          {1, 1e-40f, 2},
          {1, 1e-40f, 1},
          {1e35f, 1e-40f, 1.5f},
          {1, 0, 2},
          {1, 0, 0},
          {1, 2, 0},
          {1, 0, 1},
          {1, 1e38f, 0.5f},
          {1, 2, -130},
          {1e20f, 2, -160},
          {2, kInf, 2},
      },
      +[](double g, double a, double b) { return b == 0 ? 0 : g * b * std::pow(a, b - 1); },
      +[](double g, double a, double b) {
        return a == 0 && b >= 0 ? 0 : g * std::pow(a, b) * std::log(a);
      },
      +[](float g, float a, float b) {
        return scalar::Pow::GradLhs(scalar::Scalar<float>(), g, a, b);
      },
      +[](float g, float a, float b) {
        return scalar::Pow::GradRhs(scalar::Scalar<float>(), g, a, b);
      },
      5);
}

TEST_CASE("gradients of constant powers and roots overflow only where the result does") {
  const auto gradient = [](float g, float x, const auto& f) {
    const Tensor leaf = Tensor::Full({1}, x).SetRequiresGrad();
    Backward(f(leaf), {.seed = Tensor::Full({1}, g)});
    return leaf.grad().Item<float>();
  };
  for (const float exponent : {-2.f, -1.f, -0.5f, 0.5f, 2.f, 3.f, 4.f, -3.f, 1.5f}) {
    for (const Case& c : {Case{1e-30f, 1e-20f, 0},
                          {1e30f, 1e20f, 0},
                          {1e-35f, 1e-25f, 0},
                          {1, 1e-12f, 0},
                          {1e25f, 1e-15f, 0},
                          {1e-25f, 1e15f, 0}}) {
      INFO(c.a << " to the power of " << exponent << ", gradient " << c.g);
      const float got = gradient(c.g, c.a, [&](const Tensor& x) { return Pow(x, exponent); });
      CHECK(Ulps(got, double{c.g} * exponent * std::pow(double{c.a}, exponent - 1.0)) <= 5);
    }
  }
  const float got = gradient(1e-10f, 1e-26f, [](const Tensor& x) { return Rsqrt(x); });
  CHECK(Ulps(got, -0.5e-10 * std::pow(double{1e-26f}, -1.5)) <= 5);
}

}  // namespace
}  // namespace convoy
