// Attention against a plain f64 computation: shapes, dtypes, masks, gradients, threads, errors.
#include "ops/attention.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "core/autograd.h"
#include "core/base/error.h"
#include "core/random.h"
#include "core/threads.h"

namespace convoy {
namespace {

struct Case {
  int64_t b, tq, tk, h, d;
  bool causal;
};

// Tile sizes are 64 queries, 64 keys (16 on the diagonal); vectors have 2 to 16 lanes.
const Case kCases[] = {
    {1, 1, 1, 1, 1, true},     {2, 3, 3, 2, 7, true},       {1, 16, 16, 1, 32, false},
    {2, 64, 64, 2, 32, true},  {1, 65, 65, 3, 64, true},    {1, 130, 130, 2, 80, true},
    {1, 100, 100, 1, 1, true}, {1, 129, 129, 1, 128, true}, {1, 70, 70, 1, 256, false},
    {2, 5, 200, 2, 32, false}, {1, 200, 5, 2, 17, false},   {1, 1, 77, 1, 64, false},
    {1, 257, 257, 1, 8, true}, {3, 33, 47, 1, 33, false},
};

struct Reference {
  std::vector<double> out, dq, dk, dv;
};

// q, dout (b, tq, h, d), k, v (b, tk, h, d).
Reference Naive(const Case& c, double scale, const std::vector<double>& q,
                const std::vector<double>& k, const std::vector<double>& v,
                const std::vector<double>& dout) {
  Reference r{std::vector<double>(q.size()), std::vector<double>(q.size()),
              std::vector<double>(k.size()), std::vector<double>(k.size())};
  const auto at = [&](int64_t steps, int64_t b, int64_t t, int64_t h) {
    return static_cast<size_t>(((b * steps + t) * c.h + h) * c.d);
  };
  const size_t d = static_cast<size_t>(c.d);
  for (int64_t b = 0; b < c.b; ++b) {
    for (int64_t h = 0; h < c.h; ++h) {
      for (int64_t i = 0; i < c.tq; ++i) {
        const size_t qi = at(c.tq, b, i, h);
        const int64_t end = c.causal ? i + 1 : c.tk;
        std::vector<double> p(static_cast<size_t>(end)), dp(p.size());
        double max = -std::numeric_limits<double>::infinity(), sum = 0, delta = 0;
        for (int64_t j = 0; j < end; ++j) {
          const size_t kj = at(c.tk, b, j, h), n = static_cast<size_t>(j);
          for (size_t x = 0; x < d; ++x) {
            p[n] += scale * q[qi + x] * k[kj + x];
            dp[n] += dout[qi + x] * v[kj + x];
          }
          max = std::max(max, p[n]);
        }
        for (double& x : p) sum += x = std::exp(x - max);
        for (double& x : p) x /= sum;
        for (size_t n = 0; n < p.size(); ++n) delta += p[n] * dp[n];
        for (int64_t j = 0; j < end; ++j) {
          const size_t kj = at(c.tk, b, j, h), n = static_cast<size_t>(j);
          const double ds = scale * p[n] * (dp[n] - delta);
          for (size_t x = 0; x < d; ++x) {
            r.out[qi + x] += p[n] * v[kj + x];
            r.dq[qi + x] += ds * k[kj + x];
            r.dk[kj + x] += ds * q[qi + x];
            r.dv[kj + x] += p[n] * dout[qi + x];
          }
        }
      }
    }
  }
  return r;
}

template <typename T>
Tensor RandomTensor(Random& random, const Shape& shape, double stddev = 1) {
  Tensor x = Tensor::Empty(shape, {DTypeOf<T>(), {}});
  random.Normal(x, 0, stddev);
  return x;
}

template <typename T>
std::vector<double> ToF64(const Tensor& x) {
  std::vector<double> values;
  for (const T value : x.ToVector<T>()) {
    if constexpr (std::is_same_v<T, double>)
      values.push_back(value);
    else
      values.push_back(static_cast<float>(value));
  }
  return values;
}

void CheckClose(const std::vector<double>& got, const std::vector<double>& expected,
                double tolerance) {
  REQUIRE(got.size() == expected.size());
  double scale = 1;
  for (const double e : expected) scale = std::max(scale, std::abs(e));
  for (size_t i = 0; i < got.size(); ++i) {
    if (std::abs(got[i] - expected[i]) <= tolerance * scale) continue;
    FAIL("element " << i << ": got " << got[i] << ", expected " << expected[i]);
  }
}

// Relative to the largest expected value.
template <typename T>
constexpr double kTolerance = 1e-13;
template <>
constexpr double kTolerance<float> = 4e-6;
template <>
constexpr double kTolerance<Float16> = 2e-3;
template <>
constexpr double kTolerance<BFloat16> = 1.2e-2;

template <typename T>
void Fill(const Tensor& x, double value) {
  x.CopyFrom(Tensor::Full(x.shape(), value, x.options()));
}

std::vector<double> Plus(std::vector<double> values, double x) {
  for (double& value : values) value += x;
  return values;
}

// Part `part` of a packed (B, T, 3, H, D).
std::vector<double> Part(const std::vector<double>& qkv, const Case& c, int part) {
  const size_t width = static_cast<size_t>(c.h * c.d);
  std::vector<double> values;
  for (size_t row = 0; row < static_cast<size_t>(c.b * c.tq); ++row) {
    const auto first = qkv.begin() + static_cast<int64_t>((3 * row + part) * width);
    values.insert(values.end(), first, first + static_cast<int64_t>(width));
  }
  return values;
}

bool SameBits(const Tensor& a, const Tensor& b) {
  return a.shape() == b.shape() && a.dtype() == b.dtype() &&
         (a.numel() == 0 || std::memcmp(a.raw_data(), b.raw_data(), a.bytes()) == 0);
}

struct Threads {
  explicit Threads(int n) { SetCpuThreads(n); }
  ~Threads() { SetCpuThreads(0); }
};

}  // namespace

TEMPLATE_TEST_CASE("Attention of q, k, v is softmax(q k^T) v, and so are its gradients", "", float,
                   double, Float16, BFloat16) {
  using T = TestType;
  for (const Case& c : kCases) {
    CAPTURE(c.b, c.tq, c.tk, c.h, c.d, c.causal);
    Random random(7);
    Tensor q = RandomTensor<T>(random, {c.b, c.tq, c.h, c.d});
    Tensor k = RandomTensor<T>(random, {c.b, c.tk, c.h, c.d});
    Tensor v = RandomTensor<T>(random, {c.b, c.tk, c.h, c.d});
    const Tensor seed = RandomTensor<T>(random, {c.b, c.tq, c.h, c.d});
    for (Tensor* x : {&q, &k, &v}) x->SetRequiresGrad();
    const Tensor out = Attention(q, k, v, {.causal = c.causal});
    const Reference r = Naive(c, 1 / std::sqrt(static_cast<double>(c.d)), ToF64<T>(q), ToF64<T>(k),
                              ToF64<T>(v), ToF64<T>(seed));
    CheckClose(ToF64<T>(out), r.out, kTolerance<T>);
    Backward(out, {.seed = seed});
    CheckClose(ToF64<T>(q.grad()), r.dq, kTolerance<T>);
    CheckClose(ToF64<T>(k.grad()), r.dk, kTolerance<T>);
    CheckClose(ToF64<T>(v.grad()), r.dv, kTolerance<T>);
  }
}

TEMPLATE_TEST_CASE("Attention of a packed qkv; its gradient overwrites or accumulates", "", float,
                   double, Float16, BFloat16) {
  using T = TestType;
  for (const Case& c : kCases) {
    if (c.tq != c.tk) continue;
    CAPTURE(c.b, c.tq, c.h, c.d, c.causal);
    Random random(8);
    Tensor qkv = RandomTensor<T>(random, {c.b, c.tq, 3, c.h, c.d});
    const Tensor seed = RandomTensor<T>(random, {c.b, c.tq, c.h, c.d});
    qkv.SetRequiresGrad();
    const std::vector<double> all = ToF64<T>(qkv);
    const Reference r =
        Naive(c, 0.3, Part(all, c, 0), Part(all, c, 1), Part(all, c, 2), ToF64<T>(seed));
    for (const bool accumulate : {false, true}) {
      const Tensor out = Attention(qkv, {.causal = c.causal, .scale = 0.3});
      CheckClose(ToF64<T>(out), r.out, kTolerance<T>);
      if (accumulate) Fill<T>(qkv.grad(), 1);
      Backward(out, {.seed = seed});
      const std::vector<double> grad = ToF64<T>(qkv.grad());
      const double before = accumulate ? 1 : 0;
      CheckClose(Part(grad, c, 0), Plus(r.dq, before), kTolerance<T>);
      CheckClose(Part(grad, c, 1), Plus(r.dk, before), kTolerance<T>);
      CheckClose(Part(grad, c, 2), Plus(r.dv, before), kTolerance<T>);
    }
  }
}

TEST_CASE("Attention: the same bits with any number of threads") {
  for (const Case& c : kCases) {
    CAPTURE(c.b, c.tq, c.tk, c.h, c.d, c.causal);
    std::vector<Tensor> first;
    for (const int threads : {1, 3, 8}) {
      const Threads use(threads);
      Random random(9);
      Tensor q = RandomTensor<float>(random, {c.b, c.tq, c.h, c.d});
      Tensor k = RandomTensor<float>(random, {c.b, c.tk, c.h, c.d});
      Tensor v = RandomTensor<float>(random, {c.b, c.tk, c.h, c.d});
      for (Tensor* x : {&q, &k, &v}) x->SetRequiresGrad();
      const Tensor out = Attention(q, k, v, {.causal = c.causal});
      Backward(out, {.seed = RandomTensor<float>(random, out.shape())});
      const std::vector<Tensor> results{out.Detach(), q.grad(), k.grad(), v.grad()};
      if (first.empty()) first = results;
      for (size_t i = 0; i < results.size(); ++i) REQUIRE(SameBits(results[i], first[i]));
    }
  }
}

TEST_CASE("Attention: scores beyond what exp can take") {
  Random random(10);
  const Case c{1, 90, 90, 2, 16, true};
  Tensor q = RandomTensor<double>(random, {c.b, c.tq, c.h, c.d}, 300);
  Tensor k = RandomTensor<double>(random, {c.b, c.tk, c.h, c.d}, 300);
  Tensor v = RandomTensor<double>(random, {c.b, c.tk, c.h, c.d});
  const Tensor seed = RandomTensor<double>(random, {c.b, c.tq, c.h, c.d});
  for (Tensor* x : {&q, &k, &v}) x->SetRequiresGrad();
  const Tensor out = Attention(q, k, v, {.causal = true});
  Backward(out, {.seed = seed});
  const Reference r =
      Naive(c, 0.25, ToF64<double>(q), ToF64<double>(k), ToF64<double>(v), ToF64<double>(seed));
  CheckClose(ToF64<double>(out), r.out, 1e-9);
  CheckClose(ToF64<double>(q.grad()), r.dq, 1e-9);
  CheckClose(ToF64<double>(k.grad()), r.dk, 1e-9);
  CheckClose(ToF64<double>(v.grad()), r.dv, 1e-9);

  // In f32, equal scores of 2^24 and one that is far below: the mean of the values, exactly.
  std::vector<float> keys(80, 4096), values(80);
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i % 2);
  keys[3] = -4096;
  values[3] = 1e6f;
  keys[4] = -4096;
  values[4] = -1e6f;
  const Tensor mean = Attention(Tensor::Full({1, 1, 1, 1}, 4096), Tensor::From({1, 80, 1, 1}, keys),
                                Tensor::From({1, 80, 1, 1}, values), {.scale = 1});
  REQUIRE(mean.Item<float>() == Approx(0.5));
}

TEMPLATE_TEST_CASE("Attention: a NaN reaches what depends on it, and nothing else", "", float,
                   double) {
  Tensor qkv = Tensor::Full({1, 40, 3, 1, 4}, 0.5, {DTypeOf<TestType>(), {}});
  qkv.data<TestType>()[20 * 12 + 4] = std::numeric_limits<TestType>::quiet_NaN();  // key 20
  const Tensor out = Attention(qkv, {.causal = true});
  const std::vector<double> values = ToF64<TestType>(out);
  for (size_t t = 0; t < 40; ++t) REQUIRE(std::isnan(values[4 * t]) == (t >= 20));
}

TEST_CASE("Attention: no elements, no queries, no keys") {
  for (const Shape& shape :
       {Shape{0, 5, 3, 2, 4}, Shape{2, 0, 3, 2, 4}, Shape{2, 5, 3, 0, 4}, Shape{2, 5, 3, 2, 0}}) {
    Tensor qkv = Tensor::Empty(shape);
    qkv.SetRequiresGrad();
    const Tensor out = Attention(qkv, {.causal = true});
    REQUIRE(out.shape() == Shape{shape[0], shape[1], shape[3], shape[4]});
    Backward(out, {.seed = Tensor::Zeros(out.shape())});
    REQUIRE(qkv.grad().shape() == shape);
  }
  Tensor some = Tensor::Full({2, 3, 1, 4}, 1), none = Tensor::Empty({2, 0, 1, 4});
  some.SetRequiresGrad();
  none.SetRequiresGrad();
  const Tensor zero = Attention(some, none, none);
  REQUIRE(zero.ToVector<float>() == std::vector<float>(24));
  Backward(zero, {.seed = Tensor::Full(zero.shape(), 1)});
  REQUIRE(some.grad().ToVector<float>() == std::vector<float>(24));
  Fill<float>(some.grad(), 7);
  some.ZeroGrad();
  const Tensor empty = Attention(none, some, some);
  REQUIRE(empty.shape() == Shape{2, 0, 1, 4});
  Backward(empty, {.seed = Tensor::Empty(empty.shape())});
  REQUIRE(some.grad().ToVector<float>() == std::vector<float>(24));
}

TEST_CASE("Attention: one tensor as queries, keys and values; only some gradients wanted") {
  const Case c{2, 20, 20, 2, 6, true};
  Random random(11);
  const double scale = 1 / std::sqrt(6.0);
  Tensor x = RandomTensor<double>(random, {c.b, c.tq, c.h, c.d});
  const Tensor seed = RandomTensor<double>(random, x.shape());
  const std::vector<double> values = ToF64<double>(x);
  const Reference r = Naive(c, scale, values, values, values, ToF64<double>(seed));
  const Tensor constant = x.Clone();
  x.SetRequiresGrad();

  Backward(Attention(x, x, x, {.causal = true}), {.seed = seed});
  std::vector<double> sum = r.dq;
  for (size_t i = 0; i < sum.size(); ++i) sum[i] += r.dk[i] + r.dv[i];
  CheckClose(ToF64<double>(x.grad()), sum, 1e-12);

  const auto grad_of = [&](int which) {
    x.ZeroGrad();
    Backward(Attention(which == 0 ? x : constant, which == 1 ? x : constant,
                       which == 2 ? x : constant, {.causal = true}),
             {.seed = seed});
    return ToF64<double>(x.grad());
  };
  CheckClose(grad_of(0), r.dq, 1e-12);
  CheckClose(grad_of(1), r.dk, 1e-12);
  CheckClose(grad_of(2), r.dv, 1e-12);

  // Two of the three are one tensor, which gets both gradients.
  const auto grad_of_all_but = [&](int which) {
    x.ZeroGrad();
    Backward(Attention(which == 0 ? constant : x, which == 1 ? constant : x,
                       which == 2 ? constant : x, {.causal = true}),
             {.seed = seed});
    return ToF64<double>(x.grad());
  };
  const std::vector<double>* parts[] = {&r.dq, &r.dk, &r.dv};
  for (const int left_out : {0, 1, 2}) {
    INFO("all but argument " << left_out << " are the same");
    std::vector<double> both(r.dq.size());
    for (int part = 0; part < 3; ++part) {
      if (part == left_out) continue;
      for (size_t i = 0; i < both.size(); ++i) both[i] += (*parts[part])[i];
    }
    CheckClose(grad_of_all_but(left_out), both, 1e-12);
  }
}

TEST_CASE("Attention says what is wrong with its arguments") {
  const Tensor q = Tensor::Zeros({2, 3, 4, 5});
  REQUIRE_THROWS_WITH(Attention(q),
                      "[Attention] qkv has the wrong shape: expected (B, T, 3, H, D), got "
                      "(2, 3, 4, 5)");
  REQUIRE_THROWS_WITH(Attention(Tensor::Zeros({2, 3, 4, 5, 6})),
                      "[Attention] qkv has the wrong shape: expected (B, T, 3, H, D), got "
                      "(2, 3, 4, 5, 6)");
  REQUIRE_THROWS_WITH(Attention(Tensor::Zeros({1, 1, 3, 1, 1}, {DType::kI32, {}})),
                      Catch::Contains("qkv wants a floating dtype"));
  REQUIRE_THROWS_WITH(Attention(Tensor()), "[Attention] qkv is an undefined tensor");
  REQUIRE_THROWS_WITH(Attention(q, Tensor::Zeros({2, 3, 4, 6}), q),
                      "[Attention] k has the wrong shape: expected (2, Tk, 4, 5), got "
                      "(2, 3, 4, 6)");
  REQUIRE_THROWS_WITH(Attention(q, Tensor(), q), "[Attention] k is an undefined tensor");
  REQUIRE_THROWS_WITH(Attention(q, q, Tensor()), "[Attention] v is an undefined tensor");
  REQUIRE_THROWS_WITH(Attention(q, q, Tensor::Zeros({2, 7, 4, 5})),
                      "[Attention] v has the wrong shape: expected (2, 3, 4, 5), got "
                      "(2, 7, 4, 5)");
  REQUIRE_THROWS_WITH(Attention(q, q, Tensor::Zeros({2, 3, 4, 5}, {DType::kF64, {}})),
                      "[Attention] dtypes differ: q f32, v f64; use Cast");
  const Tensor longer = Tensor::Zeros({2, 7, 4, 5});
  REQUIRE_THROWS_WITH(Attention(q, longer, longer, {.causal = true}),
                      "[Attention] causal wants as many queries as keys, got 3 and 7");
  REQUIRE_THROWS_WITH(Attention(q, q, q, {.scale = std::nan("")}),
                      "[Attention] scale must be finite, got nan");
}

}  // namespace convoy
