// Gpt::Generate: sampling, one token after the other.
#include <algorithm>
#include <cmath>
#include <functional>

#include "core/autograd.h"
#include "core/base/error.h"
#include "models/gpt.h"
#include "ops/shape_ops.h"

namespace convoy {
namespace {

/// Index drawn from softmax(logits / temperature) by `uniform` in [0, 1), among the `top_k` largest
/// and whatever equals the last of them.
int32_t Draw(const std::vector<float>& logits, const GenerateOptions& options, double uniform) {
  const auto likeliest = std::max_element(logits.begin(), logits.end());
  if (options.temperature == 0) return static_cast<int32_t>(likeliest - logits.begin());

  float floor = -INFINITY;
  if (options.top_k > 0 && options.top_k < static_cast<int64_t>(logits.size())) {
    std::vector<float> sorted = logits;
    const auto last = sorted.begin() + (options.top_k - 1);
    std::nth_element(sorted.begin(), last, sorted.end(), std::greater<>());
    floor = *last;
  }
  std::vector<double> weights(logits.size());
  double sum = 0;
  for (size_t i = 0; i < logits.size(); ++i) {
    if (logits[i] < floor) continue;
    weights[i] = std::exp((double{logits[i]} - double{*likeliest}) / options.temperature);
    sum += weights[i];
  }
  double left = uniform * sum;
  for (size_t i = 0; i < weights.size(); ++i) {
    left -= weights[i];
    if (left < 0) return static_cast<int32_t>(i);
  }
  return static_cast<int32_t>(likeliest - logits.begin());  // rounding used up all of them
}

}  // namespace

std::vector<int32_t> Gpt::Generate(const std::vector<int32_t>& prompt,
                                   const GenerateOptions& options) {
  CONVOY_CHECK(!prompt.empty(), "[Generate] the prompt is empty; give at least one token");
  CONVOY_CHECK(options.tokens >= 0 && options.temperature >= 0 && options.top_k >= 0,
               "[Generate] tokens, temperature and top_k must not be negative, got {}, {} and {}",
               options.tokens, options.temperature, options.top_k);
  const NoGrad no_grad;
  const EvalMode eval(*this);
  const RandomStream random{options.seed, 0};

  std::vector<int32_t> text = prompt;
  for (int64_t i = 0; i < options.tokens; ++i) {
    const int64_t length =
        std::min<int64_t>(static_cast<int64_t>(text.size()), options_.block_size);
    const std::vector<int32_t> window(text.end() - length, text.end());
    const Tensor hidden = Hidden(Tensor::From({1, length}, window, wte_.weight().device()));
    const Tensor last = Slice(Reshape(hidden, {length, options_.channels}), 0, length - 1, length);
    const Tensor logits = Cast(Head(last), DType::kF32);  // (1, padded)
    const double uniform = ToUniform(random.Block(static_cast<uint64_t>(i))[0]);
    std::vector<float> real = logits.ToVector<float>();
    real.resize(static_cast<size_t>(options_.vocab_size));
    CONVOY_CHECK(
        std::none_of(real.begin(), real.end(), [](float v) { return std::isnan(v); }),
        "[Generate] token {} cannot be drawn: a logit is NaN, as it is where a parameter is "
        "NaN or infinite; load or train other parameters",
        i);
    text.push_back(Draw(real, options, uniform));
  }
  return {text.begin() + static_cast<int64_t>(prompt.size()), text.end()};
}

}  // namespace convoy
