// Gpt: names, sizes, values against a plain reference, gradients, generation.
#include "models/gpt.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <functional>
#include <limits>
#include <map>
#include <numeric>

#include "core/autograd.h"
#include "core/base/error.h"
#include "ops/cast.h"

namespace convoy {
namespace {

constexpr GptOptions kTiny{
    .vocab_size = 7, .block_size = 5, .layers = 2, .heads = 2, .channels = 4};

using Matrix = std::vector<std::vector<double>>;

/// GPT-2 with loops over one sequence, from parameters by name.
class Reference {
 public:
  explicit Reference(const Gpt& gpt) : options_(gpt.options()) {
    for (const NamedTensor& p : gpt.Parameters()) {
      values_[p.name] = p.tensor.ToVector<double>();
      // Biases and norms away from their initial 0 and 1, so that a mistake with them shows.
      for (size_t i = 0; i < values_[p.name].size(); ++i) {
        values_[p.name][i] += 0.1 * std::sin(static_cast<double>(i) + p.name.size());
      }
      p.tensor.CopyFrom(Tensor::From(p.tensor.shape(), values_[p.name]));
    }
  }

  Matrix Logits(const std::vector<int32_t>& tokens) const {
    const size_t channels = static_cast<size_t>(options_.channels);
    Matrix x(tokens.size(), std::vector<double>(channels));
    for (size_t t = 0; t < tokens.size(); ++t) {
      for (size_t c = 0; c < channels; ++c) {
        x[t][c] = At("wte.weight", static_cast<size_t>(tokens[t]) * channels + c) +
                  At("wpe.weight", t * channels + c);
      }
    }
    for (int64_t layer = 0; layer < options_.layers; ++layer) {
      const std::string h = "h." + std::to_string(layer) + ".";
      AddTo(x, Dense(h + "attn.c_proj", Attend(Dense(h + "attn.c_attn", Norm(h + "ln_1", x)))));
      Matrix wide = Dense(h + "mlp.c_fc", Norm(h + "ln_2", x));
      for (auto& row : wide) {
        for (double& v : row) {
          v = options_.gelu == GeluKind::kTanh
                  ? v / 2 * (1 + std::tanh(std::sqrt(2 / M_PI) * (v + 0.044715 * v * v * v)))
                  : v / 2 * (1 + std::erf(v / std::sqrt(2.0)));
        }
      }
      AddTo(x, Dense(h + "mlp.c_proj", wide));
    }
    return Multiply(values_.contains("lm_head.weight") ? "lm_head.weight" : "wte.weight",
                    Norm("ln_f", x));
  }

 private:
  double At(const std::string& name, size_t i) const { return values_.at(name).at(i); }

  static void AddTo(Matrix& x, const Matrix& y) {
    for (size_t t = 0; t < x.size(); ++t) {
      for (size_t c = 0; c < x[t].size(); ++c) x[t][c] += y[t][c];
    }
  }

  Matrix Norm(const std::string& name, const Matrix& x) const {
    Matrix y = x;
    for (auto& row : y) {
      const double n = static_cast<double>(row.size());
      const double mean = std::accumulate(row.begin(), row.end(), 0.0) / n;
      double variance = 0;
      for (const double v : row) variance += (v - mean) * (v - mean) / n;
      for (size_t c = 0; c < row.size(); ++c) {
        row[c] = (row[c] - mean) / std::sqrt(variance + 1e-5) * At(name + ".weight", c);
        if (options_.bias) row[c] += At(name + ".bias", c);
      }
    }
    return y;
  }

  Matrix Multiply(const std::string& weight, const Matrix& x) const {
    const size_t in = x[0].size(), out = values_.at(weight).size() / in;
    Matrix y(x.size(), std::vector<double>(out));
    for (size_t t = 0; t < x.size(); ++t) {
      for (size_t o = 0; o < out; ++o) {
        for (size_t i = 0; i < in; ++i) y[t][o] += x[t][i] * At(weight, o * in + i);
      }
    }
    return y;
  }

  Matrix Dense(const std::string& name, const Matrix& x) const {
    Matrix y = Multiply(name + ".weight", x);
    for (auto& row : y) {
      for (size_t o = 0; options_.bias && o < row.size(); ++o) row[o] += At(name + ".bias", o);
    }
    return y;
  }

  Matrix Attend(const Matrix& qkv) const {
    const size_t channels = static_cast<size_t>(options_.channels);
    const size_t head = channels / static_cast<size_t>(options_.heads);
    Matrix y(qkv.size(), std::vector<double>(channels));
    for (size_t first = 0; first < channels; first += head) {
      for (size_t t = 0; t < qkv.size(); ++t) {
        std::vector<double> weights(t + 1);
        double sum = 0;
        for (size_t s = 0; s <= t; ++s) {
          double score = 0;
          for (size_t d = first; d < first + head; ++d) score += qkv[t][d] * qkv[s][channels + d];
          sum += weights[s] = std::exp(score / std::sqrt(static_cast<double>(head)));
        }
        for (size_t s = 0; s <= t; ++s) {
          for (size_t d = first; d < first + head; ++d) {
            y[t][d] += weights[s] / sum * qkv[s][2 * channels + d];
          }
        }
      }
    }
    return y;
  }

  GptOptions options_;
  std::map<std::string, std::vector<double>> values_;
};

TEST_CASE("Parameters have Hugging Face's names; the output layer is tied") {
  const Gpt gpt(kTiny, Device::Cpu(), 1);
  std::vector<std::string> names;
  for (const NamedTensor& p : gpt.Parameters()) names.push_back(p.name);
  std::vector<std::string> expected{"wte.weight", "wpe.weight"};
  for (const std::string h : {"h.0.", "h.1."}) {
    for (const char* layer :
         {"ln_1", "attn.c_attn", "attn.c_proj", "ln_2", "mlp.c_fc", "mlp.c_proj"}) {
      for (const char* kind : {".weight", ".bias"}) expected.push_back(h + layer + kind);
    }
  }
  expected.push_back("ln_f.weight");
  expected.push_back("ln_f.bias");
  CHECK(names == expected);
}

TEST_CASE("GPT-2 small has 124,439,808 parameters") {
  // From shapes alone; one layer instead of twelve keeps the test light.
  const Gpt one({.layers = 1}, Device::Cpu(), 1);
  const int64_t outside = 50257 * 768 + 1024 * 768 + 2 * 768;
  CHECK(outside + 12 * (one.ParameterCount() - outside) == 124439808);
}

TEST_CASE("Initial values: 0.02, less for residual projections, norms at the identity") {
  const Gpt gpt({.vocab_size = 100, .block_size = 64, .layers = 8, .heads = 4, .channels = 64},
                Device::Cpu(), 1);
  for (const NamedTensor& p : gpt.Parameters()) {
    double sum = 0, squares = 0;
    for (const float v : p.tensor.ToVector<float>()) sum += v, squares += double{v} * v;
    const double n = static_cast<double>(p.tensor.numel());
    CAPTURE(p.name);
    if (p.name.ends_with("c_proj.weight")) {
      CHECK(std::sqrt(squares / n) == Approx(0.02 / 4).epsilon(0.05));
    } else if (p.tensor.ndim() == 2) {
      CHECK(std::sqrt(squares / n) == Approx(0.02).epsilon(0.05));
    } else {
      CHECK(sum / n == (p.name.ends_with("weight") ? 1 : 0));
    }
  }
}

TEST_CASE("Logits and loss are those of a plain implementation") {
  GptOptions options = kTiny;
  options.gelu = GENERATE(GeluKind::kTanh, GeluKind::kExact);
  options.bias = GENERATE(true, false);
  options.dtype = DType::kF64;
  options.vocab_multiple = GENERATE(1, 4);
  options.tie_embeddings = GENERATE(true, false);
  Gpt gpt(options, Device::Cpu(), 3);
  const Reference reference(gpt);

  const std::vector<int32_t> tokens{0, 6, 3, 3, 1, 2, 2, 5};  // (2, 4): shorter than block_size
  const std::vector<int32_t> labels{6, 3, 3, 1, 2, 5, 0, 4};
  const Tensor logits = gpt(Tensor::From({2, 4}, tokens));
  const size_t columns = static_cast<size_t>(options.padded_vocab());
  REQUIRE(logits.shape() == Shape{8, options.padded_vocab()});
  const std::vector<double> got = logits.ToVector<double>();
  double loss = 0;
  for (size_t b = 0; b < 2; ++b) {
    const Matrix expected = reference.Logits({tokens.begin() + 4 * b, tokens.begin() + 4 * b + 4});
    for (size_t t = 0; t < 4; ++t) {
      double sum = 0;
      for (size_t v = 0; v < 7; ++v) {
        CHECK(got[(4 * b + t) * columns + v] == Approx(expected[t][v]).epsilon(1e-9).margin(1e-9));
        sum += std::exp(expected[t][v]);
      }
      loss += (std::log(sum) - expected[t][static_cast<size_t>(labels[4 * b + t])]) / 8;
    }
  }
  const Tensor mean = gpt.Loss(Tensor::From({2, 4}, tokens), Tensor::From({2, 4}, labels));
  CHECK(mean.Item<double>() == Approx(loss).epsilon(1e-9));
}

TEST_CASE("A NaN in a row of wte makes the loss NaN, whether its token is in the text or not") {
  GptOptions options = kTiny;
  options.dtype = GENERATE(DType::kF32, DType::kF64, DType::kBF16, DType::kF16);
  options.vocab_multiple = GENERATE(1, 16);
  const int64_t token = GENERATE(0, 3, 6);
  CAPTURE(Name(options.dtype), options.vocab_multiple, token);
  Gpt gpt(options, Device::Cpu(), 3);
  const Tensor row = gpt.Parameters()[0].tensor.View({kTiny.channels}, token * kTiny.channels);
  row.CopyFrom(Tensor::Full(row.shape(), std::numeric_limits<double>::quiet_NaN(), row.options()));
  const Tensor tokens = Tensor::From({2, 3}, std::vector<int32_t>{0, 5, 2, 1, 1, 2});
  const Tensor labels = Tensor::From({2, 3}, std::vector<int32_t>{5, 2, 1, 1, 2, 4});
  CHECK(std::isnan(Cast(gpt.Loss(tokens, labels), DType::kF32).Item<float>()));
  CHECK_THROWS_WITH(
      gpt.Generate({1, 2}, {.tokens = 3, .temperature = 1}),
      "[Generate] token 0 cannot be drawn: a logit is NaN, as it is where a parameter "
      "is NaN or infinite; load or train other parameters");
}

TEST_CASE("The loss's gradient is that of finite differences, tied weights included") {
  GptOptions options = kTiny;
  options.dtype = DType::kF64;
  options.tie_embeddings = GENERATE(true, false);
  Gpt gpt(options, Device::Cpu(), 3);
  const Tensor tokens = Tensor::From({2, 3}, std::vector<int32_t>{0, 6, 3, 1, 1, 2});
  const Tensor labels = Tensor::From({2, 3}, std::vector<int32_t>{6, 3, 1, 1, 2, 4});
  gpt.Loss(tokens, labels).Backward();
  const NoGrad no_grad;
  for (const NamedTensor& p : gpt.Parameters()) {
    CAPTURE(p.name);
    const std::vector<double> gradient = p.tensor.grad().ToVector<double>();
    double* values = p.tensor.data<double>();
    for (int64_t i = 0; i < p.tensor.numel(); i += 1 + p.tensor.numel() / 5) {
      const double before = values[i], h = 1e-5;
      values[i] = before + h;
      const double above = gpt.Loss(tokens, labels).Item<double>();
      values[i] = before - h;
      const double below = gpt.Loss(tokens, labels).Item<double>();
      values[i] = before;
      CHECK(gradient[static_cast<size_t>(i)] ==
            Approx((above - below) / (2 * h)).epsilon(1e-5).margin(1e-9));
    }
  }
}

TEST_CASE(
    "Padding of the vocabulary changes nothing: not the loss, not the gradients, not a text") {
  GptOptions options = kTiny;
  options.tie_embeddings = GENERATE(true, false);
  Gpt plain(options, Device::Cpu(), 3);
  options.vocab_multiple = 16;
  Gpt padded(options, Device::Cpu(), 3);
  const Tensor tokens = Tensor::From({2, 3}, std::vector<int32_t>{0, 6, 3, 1, 1, 2});
  const Tensor labels = Tensor::From({2, 3}, std::vector<int32_t>{6, 3, 1, 1, 2, 4});
  const Tensor loss = plain.Loss(tokens, labels), same = padded.Loss(tokens, labels);
  CHECK(same.Item<float>() == Approx(loss.Item<float>()));
  loss.Backward();
  same.Backward();
  const ParameterList a = plain.Parameters(), b = padded.Parameters();
  for (size_t i = 0; i < a.size(); ++i) {
    CAPTURE(a[i].name);
    const auto expected = a[i].tensor.grad().ToVector<float>();
    const auto got = b[i].tensor.grad().ToVector<float>();
    for (size_t j = 0; j < got.size(); ++j) {  // the padding's rows come last, and get none
      CHECK(got[j] == Approx(j < expected.size() ? expected[j] : 0).margin(1e-6));
    }
  }
  const GenerateOptions hot{.tokens = 30, .temperature = 50, .seed = 3};
  CHECK(plain.Generate({1, 2}, hot) == padded.Generate({1, 2}, hot));
}

TEST_CASE("bf16 and f16 start from the f32 values, rounded, and compute in their dtype") {
  GptOptions options = kTiny;
  options.vocab_multiple = 4;
  Gpt exact(options, Device::Cpu(), 3);
  options.dtype = GENERATE(DType::kBF16, DType::kF16);
  Gpt rounded(options, Device::Cpu(), 3);
  const ParameterList a = exact.Parameters(), b = rounded.Parameters();
  for (size_t i = 0; i < a.size(); ++i) {
    CHECK(b[i].tensor.dtype() == options.dtype);
    CHECK(Cast(Cast(a[i].tensor.Detach(), options.dtype), DType::kF32).ToVector<float>() ==
          Cast(b[i].tensor.Detach(), DType::kF32).ToVector<float>());
  }
  const Tensor tokens = Tensor::From({2, 3}, std::vector<int32_t>{0, 6, 3, 1, 1, 2});
  CHECK(rounded(tokens).dtype() == options.dtype);
  const Tensor loss = rounded.Loss(tokens, tokens);
  CHECK(loss.dtype() == DType::kF32);
  CHECK(loss.Item<float>() == Approx(exact.Loss(tokens, tokens).Item<float>()).epsilon(2e-3));
}

TEST_CASE("A position sees nothing that comes after it") {
  Gpt gpt(kTiny, Device::Cpu(), 1);
  const auto one = gpt(Tensor::From({1, 4}, std::vector<int32_t>{1, 2, 3, 4})).ToVector<float>();
  const auto two = gpt(Tensor::From({1, 4}, std::vector<int32_t>{1, 2, 3, 0})).ToVector<float>();
  CHECK(std::equal(one.begin(), one.begin() + 21, two.begin()));
  CHECK(!std::equal(one.begin() + 21, one.end(), two.begin() + 21));
}

TEST_CASE("Generate continues a prompt beyond block_size, the same for the same seed") {
  GptOptions options = kTiny;
  options.dropout = 0.5;  // must be off
  Gpt gpt(options, Device::Cpu(), 1);
  const auto a = gpt.Generate({1, 2}, {.tokens = 20, .seed = 3});
  CHECK(a.size() == 20);
  CHECK(a == gpt.Generate({1, 2}, {.tokens = 20, .seed = 3}));
  CHECK(a != gpt.Generate({1, 2}, {.tokens = 20, .seed = 4}));
  CHECK(gpt.training());
  CHECK(*std::min_element(a.begin(), a.end()) >= 0);
  CHECK(*std::max_element(a.begin(), a.end()) < 7);

  const auto greedy = gpt.Generate({1, 2}, {.tokens = 20, .temperature = 0});
  CHECK(greedy == gpt.Generate({1, 2}, {.tokens = 20, .top_k = 1, .seed = 9}));
  CHECK(gpt.Generate({1}, {.tokens = 0}).empty());
}

/// What Generate must give: each token drawn by number 0 of Philox's block `step` of stream 0 from
/// the softmax of the last position's logits, which see the last block_size tokens.
std::vector<int32_t> Drawn(const Reference& reference, std::vector<int32_t> text, int64_t block,
                           const GenerateOptions& options) {
  std::vector<int32_t> drawn;
  for (int64_t step = 0; step < options.tokens; ++step) {
    const auto begin = text.end() - std::min<int64_t>(block, static_cast<int64_t>(text.size()));
    const std::vector<double> logits = reference.Logits({begin, text.end()}).back();
    std::vector<double> descending = logits;
    std::sort(descending.begin(), descending.end(), std::greater<>());
    const size_t kept = options.top_k > 0 ? static_cast<size_t>(options.top_k) : logits.size();
    std::vector<double> weights;
    for (const double logit : logits) {
      weights.push_back(logit < descending[kept - 1] ? 0 : std::exp(logit / options.temperature));
    }
    const uint32_t bits = RandomStream{options.seed, 0}.Block(static_cast<uint64_t>(step))[0];
    double left = (bits >> 8) * 0x1p-24 * std::accumulate(weights.begin(), weights.end(), 0.0);
    int32_t token = 0;
    while ((left -= weights[static_cast<size_t>(token)]) >= 0) ++token;
    text.push_back(token);
    drawn.push_back(token);
  }
  return drawn;
}

TEST_CASE("Generate draws from the softmax of the last position, by temperature and top_k") {
  GptOptions options = kTiny;
  options.dtype = DType::kF64;
  Gpt gpt(options, Device::Cpu(), 3);
  // Initial values make all tokens about equally likely, whatever the text; these do not.
  Random random(5);
  for (const NamedTensor& p : gpt.Parameters()) {
    if (p.name.ends_with("wte.weight") || p.name.ends_with("wpe.weight")) {
      random.Normal(p.tensor, 0, 1);
    }
  }
  const Reference reference(gpt);
  const std::vector<int32_t> prompt{1, 6, 2};
  for (const GenerateOptions& o :
       std::vector<GenerateOptions>{{.tokens = 40, .seed = 3},
                                    {.tokens = 40, .temperature = 0.25, .seed = 4},
                                    {.tokens = 40, .temperature = 8, .seed = 5},
                                    {.tokens = 40, .temperature = 4, .top_k = 2, .seed = 6},
                                    {.tokens = 40, .temperature = 4, .top_k = 7, .seed = 7}}) {
    CAPTURE(o.temperature, o.top_k);
    CHECK(gpt.Generate(prompt, o) == Drawn(reference, prompt, options.block_size, o));
  }
  // The likeliest, each time.
  CHECK(gpt.Generate(prompt, {.tokens = 20, .temperature = 0}) ==
        Drawn(reference, prompt, options.block_size, {.tokens = 20, .top_k = 1}));
}

TEST_CASE("Mistakes are named") {
  CHECK_THROWS_WITH(Gpt({.heads = 5}, Device::Cpu(), 1),
                    "[Gpt] channels must be a multiple of heads, got 768 channels and 5 heads");
  CHECK_THROWS_WITH(Gpt({.layer_norm_eps = 0}, Device::Cpu(), 1),
                    "[Gpt] layer_norm_eps must be positive, got 0");
  CHECK_THROWS_WITH(Gpt({.layers = 0}, Device::Cpu(), 1),
                    Catch::Contains("sizes must be positive"));
  Gpt gpt(kTiny, Device::Cpu(), 1);
  CHECK_THROWS_WITH(gpt(Tensor::From({1, 6}, std::vector<int32_t>(6, 0))),
                    "[Gpt] a sequence of 6 tokens is longer than block_size 5");
  CHECK_THROWS_WITH(gpt(Tensor::From({6}, std::vector<int32_t>(6, 0))),
                    "[Gpt] expected tokens of shape (B, T), got (6)");
  CHECK_THROWS_WITH(gpt(Tensor::From({1, 1}, std::vector<int32_t>{7})), Catch::Contains("7"));
  CHECK_THROWS_WITH(gpt.Generate({}, {}),
                    "[Generate] the prompt is empty; give at least one token");
  CHECK_THROWS_WITH(gpt.Generate({1}, {.temperature = -1}),
                    Catch::Contains("must not be negative"));
}

}  // namespace
}  // namespace convoy
